// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.DropReason;

/** The reason why a message of the exchange was dropped. Each has a counter. */
public enum ExchangeDrop {
  /** Not a message of this version of the exchange. */
  MALFORMED(DropReason.BAD_HANDSHAKE),
  /** From an address that belongs to no peer. */
  UNKNOWN_PEER(DropReason.BAD_HANDSHAKE),
  /** Under a key id that this node does not have. */
  UNKNOWN_KEY(DropReason.BAD_HANDSHAKE),
  /** Under a key older than the one last agreed on with this peer. */
  RETIRED_KEY(DropReason.BAD_HANDSHAKE),
  /** Too many hellos in a peer's name. */
  RATE_LIMITED(DropReason.RATE_LIMITED),
  /** Not made by the peer for us: different key, pair, direction, selectors or ESN choice. */
  BAD_MAC(DropReason.BAD_HANDSHAKE),
  /** Echoes no epoch that this node waits for: late, a duplicate, or a replay. */
  NOT_EXPECTED(DropReason.BAD_HANDSHAKE);

  private final DropReason counted;

  ExchangeDrop(DropReason counted) {
    this.counted = counted;
  }

  /** The counter that the gateway's status shows. */
  DropReason counted() {
    return counted;
  }
}
