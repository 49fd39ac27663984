// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.RANGES_BURST;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RANGES_PER_SECOND;

import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Detects that the two ends are configured for different traffic: then their keys differ, and
 * either end sees only messages that do not verify.
 */
final class PairRanges {
  private final EspPeerSettings pair;
  private final PairKeys keys;
  private final GlobalState state;
  private final Map<Epoch, Boolean> seen = new Remembered<>();
  private final TokenBucket unseen = new TokenBucket(RANGES_PER_SECOND, RANGES_BURST);
  private @Nullable String difference;

  PairRanges(EspPeerSettings pair, PairKeys keys, GlobalState state) {
    this.pair = pair;
    this.keys = keys;
    this.state = state;
  }

  /** The difference between the peer's configuration and ours, as text; null if none is known. */
  @Nullable String difference() {
    return difference;
  }

  /** Takes over the difference that another process knew. */
  void difference(@Nullable String known) {
    difference = known;
  }

  /** Sends our ranges to the peer. */
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
   * Handles the peer's ranges. The message may be a replay: it causes only a notice and one answer,
   * since each message has its own nonce.
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
      // The peer may have been down when we last sent ours.
      tell(key.id());
    }
  }

  /** The ends agreed on keys, so their configurations match. */
  void agreed() {
    difference = null;
  }
}
