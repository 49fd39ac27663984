// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The peers with requests to the control side: a stack linked through the peers themselves, so that
 * a request allocates nothing. A peer is on it while its word of requests is not zero. Only the
 * control thread takes peers off, so the ABA problem cannot occur.
 *
 * @param <P> the engine's type of peer
 */
public final class RequestStack<P extends BasePeer<P>> {
  private final AtomicReference<@Nullable P> top = new AtomicReference<>();

  /**
   * Adds a request of a peer. Data that belongs to the request must be written before. Thread-safe.
   */
  public void submit(P peer, int request) {
    if (peer.addRequest(request)) {
      P below;
      do {
        below = top.get();
        peer.below(below);
      } while (!top.compareAndSet(below, peer));
    }
  }

  public boolean isEmpty() {
    return top.get() == null;
  }

  /** Takes a peer off, or null. For the control thread, which then takes the peer's requests. */
  public @Nullable P pop() {
    P peer = top.get();
    while (peer != null && !top.compareAndSet(peer, peer.below())) {
      peer = top.get();
    }
    return peer;
  }
}
