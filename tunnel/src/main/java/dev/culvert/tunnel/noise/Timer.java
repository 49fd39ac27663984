// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

/** The timers of a peer (WireGuard paper, sections 6.4 and 6.5). */
public enum Timer {
  /** No response to our initiation: send another, or give up. */
  RETRANSMIT_HANDSHAKE,
  /** We received data and have had nothing to send back: send a keepalive. */
  PASSIVE_KEEPALIVE,
  /** We sent data and heard nothing at all since: begin a new handshake. */
  NEW_HANDSHAKE,
  /** There was no new session for so long that our keys are useless. */
  ZERO_KEYS,
  /** No packet was sent or received for the configured interval. */
  PERSISTENT_KEEPALIVE,
  /**
   * A session that we answered with was confirmed; for users whose lanes cannot report it
   * otherwise.
   */
  CONFIRMED,
  /** A session has come to its end; for users whose lanes do not look at its age. */
  SESSION_END
}
