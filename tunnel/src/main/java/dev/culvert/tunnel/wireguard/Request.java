// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

/**
 * Requests of lanes and configuration to the control side, as bits of one word per peer. The word
 * is part of a saved state, so another version must not give a bit another meaning.
 */
final class Request {
  /** Begin a handshake: there is no session, or it is due for renewal. */
  static final int HANDSHAKE = 1;

  /** A session that we answered with was confirmed. */
  static final int CONFIRM = 2;

  /** An authentic packet of the peer's came from another endpoint. */
  static final int MOVED = 4;

  /** Packets were staged while a session came up. */
  static final int FLUSH = 8;

  /** Send a keepalive. */
  static final int KEEPALIVE = 16;

  static final int ALL = HANDSHAKE | CONFIRM | MOVED | FLUSH | KEEPALIVE;

  private Request() {}
}
