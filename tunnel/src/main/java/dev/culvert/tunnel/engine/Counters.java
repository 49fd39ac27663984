// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * One counter per constant of an enum. Written by one thread, read by any.
 *
 * @param <C> the enum that names the counters
 */
public class Counters<C extends Enum<C>> {
  private final Class<C> type;
  private final AtomicLongArray counts;

  public Counters(Class<C> type) {
    this.type = type;
    counts = new AtomicLongArray(type.getEnumConstants().length);
  }

  public final void count(C counter) {
    count(counter, 1);
  }

  /** Adds {@code n}; the single writer makes a plain read and an ordered store enough. */
  public final void count(C counter, int n) {
    int i = counter.ordinal();
    counts.setRelease(i, counts.getPlain(i) + n);
  }

  public final long of(C counter) {
    return counts.getAcquire(counter.ordinal());
  }

  /** Adds the counters that are not zero to {@code sum}. */
  public final void addTo(Map<C, Long> sum) {
    for (C counter : type.getEnumConstants()) {
      long n = of(counter);
      if (n != 0) {
        sum.merge(counter, n, Long::sum);
      }
    }
  }

  /** The counters that are not zero. */
  public final Map<C, Long> snapshot() {
    Map<C, Long> sum = new EnumMap<>(type);
    addTo(sum);
    return sum;
  }
}
