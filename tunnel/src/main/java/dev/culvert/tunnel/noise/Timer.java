package dev.culvert.tunnel.noise;

/** What a peer may be waiting for (WireGuard paper, sections 6.4 and 6.5). */
public enum Timer {
  /** No response to our initiation: send another, or give up. */
  RETRANSMIT_HANDSHAKE,
  /** We received data and have had nothing to send back: send a keepalive. */
  PASSIVE_KEEPALIVE,
  /** We sent data and heard nothing at all since: begin a new handshake. */
  NEW_HANDSHAKE,
  /** No new session for so long that the keys we have are good for nothing. */
  ZERO_KEYS,
  /** Nothing went either way for the configured interval. */
  PERSISTENT_KEEPALIVE,
  /** A session that we answered with was confirmed; for users whose lanes have no other way. */
  CONFIRMED,
  /** A session has come to its end; for users whose lanes do not look at its age. */
  SESSION_END
}
