// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.OverviewView.Amount;
import org.junit.jupiter.api.Test;

/** The throughput is that of each second, for five minutes. */
final class HistoryTest {
  private static final long SECOND = 1_000_000_000L;

  private final History history = new History();

  private void sample(int second, long sent, long received) {
    history.add(second * SECOND, new Amount(0, sent), new Amount(0, received));
  }

  @Test
  void theFirstSampleSaysNothingAboutARate() {
    sample(0, 1_000_000, 5);
    assertEquals(0, history.rates().size());
  }

  @Test
  void aRateIsInBitsPerSecond() {
    sample(0, 100, 0);
    sample(2, 1_100, 500);
    History.Rate rate = history.rates().getFirst();
    assertEquals(4_000, rate.sent());
    assertEquals(2_000, rate.received());
  }

  @Test
  void countersThatBeginAnewAreNoNegativeRate() {
    sample(0, 1_000, 1_000);
    sample(1, 10, 10);
    assertEquals(0, history.rates().getFirst().sent());
  }

  @Test
  void onlyFiveMinutesAreKept() {
    for (int second = 0; second < 1_000; second++) {
      sample(second, second, second);
    }
    assertTrue(history.rates().size() <= 301, () -> history.rates().size() + " samples");
    assertEquals(999 * SECOND, history.rates().getLast().nanos());
  }
}
