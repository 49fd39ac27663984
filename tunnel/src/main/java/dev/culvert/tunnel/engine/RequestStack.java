// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ObjIntConsumer;
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

  /**
   * Takes peers off, with their requests. For the control thread.
   *
   * @param most the most peers, so that other work gets its turn
   */
  public void serve(int most, ObjIntConsumer<P> work) {
    for (int i = 0; i < most; i++) {
      P peer = pop();
      if (peer == null) {
        return;
      }
      work.accept(peer, peer.takeRequests());
    }
  }

  private @Nullable P pop() {
    P peer = top.get();
    while (peer != null && !top.compareAndSet(peer, peer.below())) {
      peer = top.get();
    }
    return peer;
  }
}
