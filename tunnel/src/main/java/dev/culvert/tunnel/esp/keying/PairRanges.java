package dev.culvert.tunnel.esp.keying;

import dev.culvert.crypto.SecretBytes;
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
    RangesMessage message = RangesMessage.of(keyId, state.esn, pair);
    if (key != null && message != null) {
      try (SecretBytes macKey = KeySchedule.rangesKey(key, pair)) {
        byte[] bytes = message.seal(macKey, pair.localNode(), pair.remoteNode());
        state.messages.add(new Keying.Message(bytes, pair.name(), null));
      }
    }
  }

  /** The peer told us. It may be a replay: nothing follows from it but a notice, once. */
  void receive(RangesMessage message, byte[] bytes, HelloLimiter limiter, long nowNanos) {
    GlobalKey key = state.ring.get(message.keyId());
    if (key == null) {
      state.drop(ExchangeDrop.UNKNOWN_KEY);
    } else if (!limiter.allow(nowNanos)) {
      state.drop(ExchangeDrop.RATE_LIMITED);
    } else if (!isAuthentic(bytes, key)) {
      state.drop(ExchangeDrop.BAD_MAC);
    } else {
      String found = message.difference(state.esn, pair);
      if (!found.isEmpty() && !found.equals(difference)) {
        difference = found;
        state.notices.add(new KeyingNotice.RangesDiffer(pair.name(), found));
      }
    }
  }

  private boolean isAuthentic(byte[] bytes, GlobalKey key) {
    try (SecretBytes macKey = KeySchedule.rangesKey(key, pair)) {
      return RangesMessage.isAuthentic(bytes, macKey, pair.remoteNode(), pair.localNode());
    }
  }

  /** The ends have keys: they are configured for the same. */
  void agreed() {
    difference = null;
  }
}
