package dev.culvert.tunnel.esp.keying;

import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import org.jspecify.annotations.Nullable;

/**
 * Finds out that the two ends are configured for different traffic: then they have no key in
 * common, and all that either sees of the other is messages that do not verify.
 */
final class PairRanges {
  private final EspPeerSettings pair;
  private final KeyingState state;
  private @Nullable String difference;

  PairRanges(EspPeerSettings pair, KeyingState state) {
    this.pair = pair;
    this.state = state;
  }

  /** What the peer is configured for and we are not, or the other way round; null: not known. */
  @Nullable String difference() {
    return difference;
  }

  /** Tells the peer what we are configured for. */
  void tell(int keyId) {
    GlobalKey key = state.ring.get(keyId);
    RangesMessage message =
        new RangesMessage(state.esn, pair.agreed().local(), pair.agreed().remote());
    if (key != null && message.fits()) {
      byte[] bytes = message.seal(key, pair, Epoch.draw(state.randomness));
      state.messages.add(new Keying.Message(bytes, pair.name(), null));
    }
  }

  /**
   * The peer told us. It may be a replay: nothing follows from it but a notice and an answer, once.
   */
  void receive(byte[] bytes, HelloLimiter limiter, long nowNanos) {
    GlobalKey key = state.ring.get(RangesMessage.keyId(bytes));
    if (key == null) {
      state.drop(ExchangeDrop.UNKNOWN_KEY);
      return;
    }
    if (!limiter.allow(nowNanos)) {
      state.drop(ExchangeDrop.RATE_LIMITED);
      return;
    }
    RangesMessage message = RangesMessage.open(bytes, key, pair);
    if (message == null) {
      state.drop(ExchangeDrop.BAD_MAC);
      return;
    }
    String found = message.difference(state.esn, pair);
    if (!found.isEmpty() && !found.equals(difference)) {
      difference = found;
      state.notices.add(new KeyingNotice.RangesDiffer(pair.name(), found));
      // It may have been down when we last told it.
      tell(key.id());
    }
  }

  /** The ends have keys: they are configured for the same. */
  void agreed() {
    difference = null;
  }
}
