// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import dev.culvert.daemon.admin.OverviewView.Amount;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The throughput of the last minutes, second by second. Thread-safe. */
final class History {
  /** The time that is kept. */
  static final Duration LENGTH = Duration.ofMinutes(5);

  /** One sample per second. */
  static final Duration STEP = Duration.ofSeconds(1);

  /**
   * The throughput until a moment.
   *
   * @param nanos monotonic time
   * @param sent bits per second into the tunnel
   * @param received bits per second out of it
   */
  record Rate(long nanos, double sent, double received) {}

  private record Sample(long nanos, Amount sent, Amount received) {}

  private final Deque<Rate> rates = new ArrayDeque<>();
  private Sample last = new Sample(0, new Amount(0, 0), new Amount(0, 0));
  private boolean begun;

  /**
   * Adds a sample of the counters.
   *
   * @param nanos monotonic time
   */
  synchronized void add(long nanos, Amount sent, Amount received) {
    Sample before = last;
    last = new Sample(nanos, sent, received);
    if (!begun) {
      begun = true;
      return;
    }
    double seconds = (double) (nanos - before.nanos) / 1e9;
    if (seconds <= 0) {
      return;
    }
    rates.addLast(
        new Rate(
            nanos, bits(before.sent, sent) / seconds, bits(before.received, received) / seconds));
    while (nanos - rates.getFirst().nanos > LENGTH.toNanos()) {
      rates.removeFirst();
    }
  }

  private static double bits(Amount before, Amount now) {
    return 8.0 * (double) Math.max(0, now.bytes() - before.bytes());
  }

  /** The samples, the oldest first. */
  synchronized List<Rate> rates() {
    return List.copyOf(rates);
  }
}
