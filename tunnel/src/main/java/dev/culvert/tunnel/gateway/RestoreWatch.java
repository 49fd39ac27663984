package dev.culvert.tunnel.gateway;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Notices that this machine may have been restored from a snapshot: then its keys and counters were
 * used already, perhaps by a twin that lives on.
 *
 * <p>What shows is that the wall clock was set, against the monotonic one. The kernel steers both
 * clocks alike when it slews them, so their difference stays what it is whatever NTP corrects in
 * passing, and changes only when the wall clock is set: by NTP's step, by hand, or after a restore.
 * It also changes when the machine has slept, since the monotonic clock ({@code System.nanoTime},
 * not CLOCK_BOOTTIME) stands still meanwhile. That is meant: an image from which a machine wakes is
 * a snapshot as well, and keys that should live for minutes must not outlive a night. The kernel's
 * WireGuard drops its keys then, too.
 *
 * <p>Any thread. {@link #look} reads one clock and allocates nothing.
 */
public final class RestoreWatch {
  /** A set clock that moved by less is taken for a correction: no clock is restored so exactly. */
  static final long JUMP_NANOS = MILLISECONDS.toNanos(100);

  /** Whoever looks may have been kept waiting between the two clocks: then it looks closely. */
  private static final long CLOSE_LOOK_NANOS = JUMP_NANOS / 2;

  private static final int READINGS = 5;

  private final LongSupplier nanoClock;
  private final LongSupplier wallMillis;
  private final Consumer<String> suspected;

  /**
   * Wall time less monotonic time, when this began or last suspected: small steps add up from it.
   */
  private long trusted;

  /** The same at the last close look: a step that was found too small is not looked at again. */
  private volatile long seen;

  /**
   * @param suspected told in plain words why keys are not to be trusted any more; when it returns
   *     nothing must be sealed under them
   */
  public RestoreWatch(LongSupplier nanoClock, LongSupplier wallMillis, Consumer<String> suspected) {
    this.nanoClock = nanoClock;
    this.wallMillis = wallMillis;
    this.suspected = suspected;
    trusted = measure();
    seen = trusted;
  }

  /**
   * To be called before counters are reserved.
   *
   * @param nowNanos monotonic time, read a moment ago
   */
  void look(long nowNanos) {
    long off = MILLISECONDS.toNanos(wallMillis.getAsLong()) - nowNanos - seen;
    if (off > CLOSE_LOOK_NANOS || off < -CLOSE_LOOK_NANOS) {
      lookClosely();
    }
  }

  /**
   * Compares the clocks as exactly as can be. Whoever comes meanwhile waits, so that nobody goes on
   * before {@link #suspected} has returned.
   */
  synchronized void lookClosely() {
    long now = measure();
    // One jump shows against the last look, also if it undoes what added up before.
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

  /** The hypervisor has said so. */
  void restored() {
    suspected.accept("the hypervisor says that this machine was restored or cloned");
  }

  /** Of several readings the one with the least time between its clocks. */
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
