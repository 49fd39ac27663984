package dev.culvert.tunnel.esp.keying;

/** Why a message of the exchange went no further. Each is a counter of its own. */
public enum ExchangeDrop {
  /** Not a message of this version of the exchange. */
  MALFORMED,
  /** From an address that is no peer's. */
  UNKNOWN_PEER,
  /** Under a key id that this node does not have. */
  UNKNOWN_KEY,
  /** Under a key older than the one last agreed on with this peer. */
  RETIRED_KEY,
  /** Too many hellos in a peer's name. */
  RATE_LIMITED,
  /** Not made by the peer for us: other key, pair, direction, selectors or ESN choice. */
  BAD_MAC,
  /** Echoes no epoch that this node waits for: late, a duplicate, or a replay. */
  NOT_EXPECTED
}
