// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/** The result of sealing a train. */
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
