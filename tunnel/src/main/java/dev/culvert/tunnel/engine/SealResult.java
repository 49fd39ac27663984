package dev.culvert.tunnel.engine;

/** What became of a train that was to be sealed. */
public enum SealResult {
  /** Sealed in place: send it. */
  SEALED,
  /**
   * The engine kept copies and sends them through {@link TunnelEngine#pollTransmit} once it has a
   * session.
   */
  STAGED,
  /** Dropped and counted; nothing may be sent. */
  DROPPED
}
