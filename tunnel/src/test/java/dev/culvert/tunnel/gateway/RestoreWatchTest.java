// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static java.util.concurrent.TimeUnit.HOURS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A wall clock that was set by a tenth of a second or more is reported once; slewing and stalled
 * threads are not reported.
 */
final class RestoreWatchTest {
  private long nanos = -HOURS.toNanos(30);
  private long wallMillis = 1_700_000_000_000L;

  /** How long whoever reads the clocks is kept waiting between the two. */
  private long stall;

  /** How often the wall clock was read. */
  private int readings;

  private final List<String> reasons = new ArrayList<>();
  private final RestoreWatch watch =
      new RestoreWatch(
          () -> nanos,
          () -> {
            pass(stall);
            stall = 0;
            readings++;
            return wallMillis;
          },
          reasons::add);

  private void pass(long millis) {
    nanos += MILLISECONDS.toNanos(millis);
    wallMillis += millis;
  }

  @Test
  void aClockThatWasSetIsNoticedAtTheNextLookAndToldOnce() {
    watch.look(nanos);
    wallMillis += HOURS.toMillis(3);
    watch.look(nanos);
    assertEquals(List.of("the clock moved by PT3H against the monotonic clock"), reasons);
    pass(10);
    watch.look(nanos);
    watch.lookClosely();
    assertEquals(1, reasons.size());
  }

  @Test
  void aClockThatWasSetBackIsNoticedToo() {
    wallMillis -= SECONDS.toMillis(1);
    watch.look(nanos);
    assertEquals(1, reasons.size());
  }

  @Test
  void aMachineThatSleptIsNoticedSinceTheMonotonicClockStoodStill() {
    wallMillis += HOURS.toMillis(8);
    watch.lookClosely();
    assertEquals(1, reasons.size());
  }

  @Test
  void slewingMovesBothClocksAndIsNotNoticedHoweverFarItGoes() {
    for (int i = 0; i < 1_000_000; i++) {
      pass(86);
      watch.look(nanos);
    }
    assertEquals(List.of(), reasons);
  }

  @Test
  void aCorrectionByLessThanATenthOfASecondIsNotNoticedAndManyAddUp() {
    wallMillis += 90;
    watch.look(nanos);
    watch.lookClosely();
    assertEquals(List.of(), reasons);
    wallMillis += 90;
    watch.look(nanos);
    assertEquals(1, reasons.size());
  }

  @Test
  void aStepThatWasFoundTooSmallCostsOneCloseLookOnly() {
    wallMillis += 70;
    watch.look(nanos);
    readings = 0;
    watch.look(nanos);
    assertEquals(1, readings);
    assertEquals(List.of(), reasons);
  }

  @Test
  void aJumpIsNoticedThoughItUndoesStepsBeforeIt() {
    wallMillis += 90;
    watch.look(nanos);
    wallMillis -= 180;
    watch.look(nanos);
    assertEquals(1, reasons.size());
  }

  @Test
  void aThreadThatIsKeptWaitingBetweenItsTwoClocksIsNoSign() {
    for (int i = 0; i < 100; i++) {
      stall = SECONDS.toMillis(2);
      watch.look(nanos);
    }
    assertEquals(List.of(), reasons);
    stall = SECONDS.toMillis(2);
    watch.lookClosely();
    assertEquals(List.of(), reasons);
  }

  @Test
  void whatTheHypervisorSaysIsCertain() {
    watch.restored();
    assertTrue(reasons.getFirst().contains("hypervisor"));
  }
}
