// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The earliest deadline of all peers, never too late, perhaps too early (a timer that was since
 * cancelled). A lane first stores its timer, then lowers this; the control thread first forgets
 * this, then reads all timers. Both are volatile, so at least one of the two sees the other's write
 * and no deadline is missed.
 */
public final class Deadlines {
  public static final long NEVER = Long.MAX_VALUE;

  private final AtomicLong earliest = new AtomicLong(NEVER);

  public long earliest() {
    return earliest.get();
  }

  /** Lowers the earliest deadline to {@code deadline}, so that it is not missed. Thread-safe. */
  public void include(long deadline) {
    long now = earliest.get();
    while (deadline < now && !earliest.compareAndSet(now, deadline)) {
      now = earliest.get();
    }
  }

  /**
   * Resets the earliest deadline; the control thread then includes the deadlines that still stand.
   */
  public void forget() {
    earliest.set(NEVER);
  }
}
