// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Detects that this machine may have been restored from a snapshot, so that a twin may have used
 * its keys and counters. The sign is that the wall clock was set. The kernel slews wall clock and
 * monotonic clock alike, so their difference is constant while NTP makes small corrections, and
 * changes only if the wall clock is set: by an NTP step, by hand, or after a restore. It also
 * changes when the machine sleeps, since the monotonic clock ({@code System.nanoTime}, not
 * CLOCK_BOOTTIME) stops meanwhile. That is intended: the image of a sleeping machine is a snapshot
 * too, and keys for minutes must not outlive a night. The kernel's WireGuard also drops its keys
 * then.
 *
 * <p>Thread-safe. {@link #look} reads one clock and allocates nothing.
 */
public final class RestoreWatch {
  /**
   * The smallest jump, in nanoseconds, that counts as a restore; a restored clock is never so
   * exact.
   */
  static final long JUMP_NANOS = MILLISECONDS.toNanos(100);

  /**
   * The difference, in nanoseconds, that leads to a closer look, since a thread may be suspended
   * between reading the two clocks.
   */
  private static final long CLOSE_LOOK_NANOS = JUMP_NANOS / 2;

  private static final int READINGS = 5;

  private final LongSupplier nanoClock;
  private final LongSupplier wallMillis;
  private final Consumer<String> suspected;

  /**
   * Wall time minus monotonic time at the start or at the last suspicion; small steps add up from
   * there.
   */
  private long trusted;

  /**
   * Wall time minus monotonic time at the last close look, so that a step that was too small is not
   * examined again.
   */
  private volatile long seen;

  /**
   * @param suspected receives the reason, as text, for distrusting the keys; once it returns, the
   *     keys must not be used for sealing
   */
  public RestoreWatch(LongSupplier nanoClock, LongSupplier wallMillis, Consumer<String> suspected) {
    this.nanoClock = nanoClock;
    this.wallMillis = wallMillis;
    this.suspected = suspected;
    trusted = measure();
    seen = trusted;
  }

  /** Wall time minus monotonic time, in nanoseconds, while the keys were trusted last. */
  synchronized long trusted() {
    return trusted;
  }

  /**
   * Continues the watch of a predecessor on this machine, so that a restore between the two is
   * noticed.
   *
   * @param before its {@link #trusted}
   */
  synchronized void trust(long before) {
    trusted = before;
    seen = before;
    lookClosely();
  }

  /**
   * Compares the clocks; to be called before counters are reserved.
   *
   * @param nowNanos monotonic time in nanoseconds, just read
   */
  void look(long nowNanos) {
    long off = MILLISECONDS.toNanos(wallMillis.getAsLong()) - nowNanos - seen;
    if (off > CLOSE_LOOK_NANOS || off < -CLOSE_LOOK_NANOS) {
      lookClosely();
    }
  }

  /**
   * Compares the clocks as exactly as possible. Other callers wait meanwhile, so that no thread
   * goes on before {@link #suspected} has returned.
   */
  synchronized void lookClosely() {
    long now = measure();
    // A single jump shows against the last look, even if it cancels earlier small steps.
    long one = now - seen;
    long sum = now - trusted;
    long jump = Math.abs(one) >= Math.abs(sum) ? one : sum;
    if (Math.abs(jump) >= JUMP_NANOS) {
      suspected.accept(
          "the clock moved by %s against the monotonic clock"
              .formatted(Duration.ofMillis(Math.round(jump / 1e6))));
      trusted = now;
    }
    seen = now;
  }

  /** Reports a restore of which the hypervisor told. */
  void restored() {
    suspected.accept("the hypervisor says that this machine was restored or cloned");
  }

  /**
   * Measures the difference: of several readings, the one with the least time between its two
   * clocks.
   */
  private long measure() {
    long best = 0;
    long leastGap = Long.MAX_VALUE;
    for (int i = 0; i < READINGS; i++) {
      long before = nanoClock.getAsLong();
      long wall = MILLISECONDS.toNanos(wallMillis.getAsLong());
      long gap = nanoClock.getAsLong() - before;
      if (gap < leastGap) {
        leastGap = gap;
        best = wall - before - gap / 2;
      }
    }
    return best;
  }
}
