// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

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

  /** Adds counts, of another process. */
  public final void add(Map<C, Long> more) {
    more.forEach(
        (counter, n) -> {
          int i = counter.ordinal();
          counts.setRelease(i, counts.getPlain(i) + n);
        });
  }

  /** Writes the counters that are not zero, by name. */
  public final void save(StateWriter out) {
    out.list(
        snapshot().entrySet(), count -> out.text(count.getKey().name()).int64(count.getValue()));
  }

  /** Reads counts for {@link #add}. Names that this version does not know are left out. */
  public final Map<C, Long> read(StateReader in) throws StateException {
    Map<C, Long> counts = new EnumMap<>(type);
    in.list(
        () -> {
          C counter = constant(in.text());
          long n = in.int64();
          if (counter != null) {
            counts.put(counter, n);
          }
          return n;
        });
    return counts;
  }

  private @Nullable C constant(String name) {
    for (C constant : type.getEnumConstants()) {
      if (constant.name().equals(name)) {
        return constant;
      }
    }
    return null;
  }

  /** The counters that are not zero. */
  public final Map<C, Long> snapshot() {
    Map<C, Long> sum = new EnumMap<>(type);
    addTo(sum);
    return sum;
  }
}
