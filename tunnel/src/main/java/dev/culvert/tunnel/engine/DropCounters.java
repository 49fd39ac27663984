package dev.culvert.tunnel.engine;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;

/** Packets dropped, by reason. Written by one thread, read by any. */
public final class DropCounters {
  private static final DropReason[] REASONS = DropReason.values();

  private final AtomicLongArray counts = new AtomicLongArray(REASONS.length);

  public void count(DropReason reason) {
    count(reason, 1);
  }

  /** Adds {@code packets}; the single writer makes a plain read and an ordered store enough. */
  public void count(DropReason reason, int packets) {
    int i = reason.ordinal();
    counts.setRelease(i, counts.getPlain(i) + packets);
  }

  public long of(DropReason reason) {
    return counts.getAcquire(reason.ordinal());
  }

  /** Adds the counters that are not zero to {@code sum}. */
  public void addTo(Map<DropReason, Long> sum) {
    for (DropReason reason : REASONS) {
      long n = of(reason);
      if (n != 0) {
        sum.merge(reason, n, Long::sum);
      }
    }
  }

  /** The counters that are not zero. */
  public Map<DropReason, Long> snapshot() {
    Map<DropReason, Long> sum = new EnumMap<>(DropReason.class);
    addTo(sum);
    return sum;
  }
}
