// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The time of the next look at the timers of all peers: their earliest deadline, perhaps too early
 * (a timer that was since cancelled), and never too late, except that looks are {@link
 * #APART_PER_PEER} apart. A look takes as much longer as there are more peers, and so many more
 * timers expire; without the distance, looks would take the processor with the square of the number
 * of peers.
 *
 * <p>A lane first stores its timer, then lowers the earliest deadline; the control thread first
 * forgets it, then reads all timers. Both are volatile, so at least one of the two sees the other's
 * write and no deadline is missed.
 */
public final class Deadlines {
  public static final long NEVER = Long.MAX_VALUE;

  /**
   * The least time from one look to the next, in nanoseconds for each peer: 20 ms with 5,000 of
   * them. A look takes less than 0.1 microseconds per peer, so looks take two percent of a
   * processor at most, however many peers there are.
   */
  static final long APART_PER_PEER = 4_000;

  private final AtomicLong earliest = new AtomicLong(NEVER);
  private volatile long notBefore = Long.MIN_VALUE;

  /** The time of the next look: monotonic nanoseconds, {@link #NEVER} if no timer is armed. */
  public long nextLook() {
    return Math.max(earliest.get(), notBefore);
  }

  /** Lowers the earliest deadline to {@code deadline}, so that it is not missed. Thread-safe. */
  public void include(long deadline) {
    long now = earliest.get();
    while (deadline < now && !earliest.compareAndSet(now, deadline)) {
      now = earliest.get();
    }
  }

  /**
   * Forgets the earliest deadline, since the control thread looks at all timers now; it then
   * includes the deadlines that still stand.
   *
   * @param peers the number of all peers
   */
  public void look(long nowNanos, int peers) {
    notBefore = nowNanos + APART_PER_PEER * peers;
    earliest.set(NEVER);
  }

  /** Begins anew, without peers. */
  public void clear() {
    notBefore = Long.MIN_VALUE;
    earliest.set(NEVER);
  }
}
