package dev.culvert.tunnel.wireguard;

/** What a receiver index on the wire may name. */
sealed interface Indexed permits PendingInitiation, Session {
  int localIndex();

  WireGuardPeer peer();
}
