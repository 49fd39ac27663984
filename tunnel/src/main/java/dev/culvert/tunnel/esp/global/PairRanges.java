package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.RANGES_BURST;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RANGES_PER_SECOND;

import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds out that the two ends are configured for different traffic: then they have no key in
 * common, and all that either sees of the other is messages that do not verify.
 */
final class PairRanges {
  private final EspPeerSettings pair;
  private final PairKeys keys;
  private final KeyingState state;
  private final Map<Epoch, Boolean> seen = new Remembered<>();
  private final TokenBucket unseen = new TokenBucket(RANGES_PER_SECOND, RANGES_BURST);
  private @Nullable String difference;

  PairRanges(EspPeerSettings pair, PairKeys keys, KeyingState state) {
    this.pair = pair;
    this.keys = keys;
    this.state = state;
  }

  /** What the peer is configured for and we are not, or the other way round; null: not known. */
  @Nullable String difference() {
    return difference;
  }

  /** Tells the peer what we are configured for. */
  void tell(int keyId) {
    GlobalKey key = state.ring.get(keyId);
    MacKey macKey = keys.ranges(keyId);
    RangesMessage message =
        new RangesMessage(state.esn, pair.agreed().local(), pair.agreed().remote());
    if (key != null && macKey != null && message.fits()) {
      Epoch nonce = Epoch.draw(state.randomness);
      byte[] bytes = message.seal(key, pair, nonce, macKey, state.mac);
      state.messages.add(new Keying.Message(bytes, pair.name(), null));
    }
  }

  /**
   * The peer told us. It may be a replay: nothing follows from it but a notice and an answer, once,
   * since each message has a nonce of its own.
   */
  void receive(byte[] bytes, long nowNanos) {
    int keyId = bytes[ExchangeMessage.KEY_ID];
    GlobalKey key = state.ring.get(keyId);
    MacKey macKey = keys.ranges(keyId);
    if (key == null || macKey == null) {
      state.drop(ExchangeDrop.UNKNOWN_KEY);
      return;
    }
    Epoch nonce = RangesMessage.nonce(bytes);
    if (seen.containsKey(nonce)) {
      state.drop(ExchangeDrop.NOT_EXPECTED);
      return;
    }
    if (!state.mac.isAuthentic(macKey, bytes, bytes.length)) {
      state.drop(ExchangeDrop.BAD_MAC);
      return;
    }
    if (!unseen.take(nowNanos)) {
      state.drop(ExchangeDrop.RATE_LIMITED);
      return;
    }
    seen.put(nonce, true);
    RangesMessage message = RangesMessage.open(bytes, key, pair);
    if (message == null) {
      state.drop(ExchangeDrop.MALFORMED);
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
