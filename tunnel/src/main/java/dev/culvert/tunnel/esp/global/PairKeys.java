// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.esp.EspPeerSettings;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The keys that authenticate the messages of one pair, two for each global key. The control thread
 * makes and wipes them, and lanes read them.
 */
final class PairKeys implements AutoCloseable {
  private final EspPeerSettings pair;
  private final boolean esn;
  private final AtomicReferenceArray<@Nullable MacKey> exchange =
      new AtomicReferenceArray<>(KeyIds.MAX + 1);
  private final AtomicReferenceArray<@Nullable MacKey> ranges =
      new AtomicReferenceArray<>(KeyIds.MAX + 1);

  /** Makes the keys for every key of {@code ring}. */
  PairKeys(EspPeerSettings pair, KeyRing ring, boolean esn) {
    this.pair = pair;
    this.esn = esn;
    follow(ring);
  }

  /** Makes the missing keys for {@code ring}. */
  void follow(KeyRing ring) {
    for (int id : ring.newestFirst()) {
      GlobalKey key = ring.get(id);
      if (key != null && exchange.get(id) == null) {
        exchange.set(id, macKey(KeySchedule.exchangeKey(key, pair, esn)));
        ranges.set(id, macKey(KeySchedule.rangesKey(key, pair)));
      }
    }
  }

  private MacKey macKey(SecretBytes key) {
    return new MacKey(key, pair.localNode(), pair.remoteNode());
  }

  /**
   * The key that authenticates an {@link ExchangeMessage} under this global key, or null.
   * Thread-safe.
   */
  @Nullable MacKey exchange(int id) {
    return KeyIds.isValid(id) ? exchange.get(id) : null;
  }

  /**
   * The key that authenticates a {@link RangesMessage} under this global key, or null. Thread-safe.
   */
  @Nullable MacKey ranges(int id) {
    return KeyIds.isValid(id) ? ranges.get(id) : null;
  }

  /** Wipes the keys of a global key that the ring has wiped. */
  void forget(int id) {
    close(exchange.getAndSet(id, null));
    close(ranges.getAndSet(id, null));
  }

  private static void close(@Nullable MacKey key) {
    if (key != null) {
      key.close();
    }
  }

  @Override
  public void close() {
    for (int id = 1; id <= KeyIds.MAX; id++) {
      forget(id);
    }
  }
}
