// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.ArrayDeque;
import java.util.function.Predicate;

/**
 * The peers that may have packets for the control side to seal, in the order in which they became
 * ready. For the control thread.
 *
 * @param <P> the engine's type of peer
 */
public final class ReadyPeers<P extends BasePeer<P>> {
  private final ArrayDeque<P> peers = new ArrayDeque<>();

  /** Notes that {@code peer} may have packets to seal. */
  public void add(P peer) {
    if (!peer.readyToTransmit()) {
      peer.readyToTransmit(true);
      peers.add(peer);
    }
  }

  /**
   * Makes one datagram, of the first peer that has one. A peer that has none, or whose turn fails,
   * is no longer ready.
   *
   * @param transmit makes a peer's next datagram; false if there is none
   * @return false if no peer has one
   */
  public boolean transmit(Isolation isolation, Predicate<P> transmit) {
    for (P peer = peers.peek(); peer != null; peer = peers.peek()) {
      P first = peer;
      boolean[] made = {false};
      isolation.run(peer.toString(), () -> made[0] = transmit.test(first));
      if (made[0]) {
        return true;
      }
      peers.remove().readyToTransmit(false);
    }
    return false;
  }
}
