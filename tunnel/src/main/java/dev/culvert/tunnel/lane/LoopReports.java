// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.Endpoint;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;

/**
 * Reports endpoints that a route leads into the tunnel itself: each once a minute at most. Only a
 * report allocates, and nothing locks.
 */
public final class LoopReports {
  static final long PAUSE = TimeUnit.MINUTES.toNanos(1);

  /** A power of two. Endpoints that share an entry share its minute. */
  private static final int ENTRIES = 256;

  private static final long NEVER = Long.MIN_VALUE;

  private final AtomicLongArray reportedAt = new AtomicLongArray(ENTRIES);
  private final Consumer<? super Endpoint> reports;

  /**
   * @param reports called on lanes
   */
  public LoopReports(Consumer<? super Endpoint> reports) {
    this.reports = reports;
    for (int i = 0; i < ENTRIES; i++) {
      reportedAt.set(i, NEVER);
    }
  }

  /** Reports that a packet for this endpoint came out of the tunnel's own device. */
  void found(Endpoint to, long nowNanos) {
    int entry = ((to.address().hashCode() * 31 + to.port()) * 0x9e37_79b9) >>> 24;
    long before = reportedAt.get(entry);
    if ((before == NEVER || nowNanos - before >= PAUSE)
        && reportedAt.compareAndSet(entry, before, nowNanos)) {
      reports.accept(to);
    }
  }
}
