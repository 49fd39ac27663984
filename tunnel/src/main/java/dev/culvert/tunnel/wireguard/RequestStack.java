package dev.culvert.tunnel.wireguard;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Peers with something to ask of the control side: a stack linked through the peers themselves, so
 * that asking allocates nothing. A peer is on it while its word of requests is not zero; the
 * control thread takes the whole stack, so there is no ABA.
 */
final class RequestStack {
  private final AtomicReference<@Nullable WireGuardPeer> top = new AtomicReference<>();

  /** Any thread. What the request is about must be written before. */
  void submit(WireGuardPeer peer, int request) {
    if (peer.addRequest(request)) {
      WireGuardPeer below;
      do {
        below = top.get();
        peer.below(below);
      } while (!top.compareAndSet(below, peer));
    }
  }

  boolean isEmpty() {
    return top.get() == null;
  }

  /** The whole stack, to be followed by {@link WireGuardPeer#below()}. */
  @Nullable WireGuardPeer takeAll() {
    return top.get() == null ? null : top.getAndSet(null);
  }
}
