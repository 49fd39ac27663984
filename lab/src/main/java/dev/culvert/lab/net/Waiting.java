// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for other programs, with a bound. */
public final class Waiting {
  private static final Duration STEP = Duration.ofMillis(20);

  private Waiting() {}

  /**
   * Asks again and again until the condition holds; returns false if the patience ended first.
   *
   * @param patience on a machine at rest; on a crowded one it is longer ({@link Crowd})
   */
  public static boolean until(Duration patience, BooleanSupplier condition) {
    Crowd.Patience left = new Crowd.Patience(patience);
    while (!condition.getAsBoolean()) {
      if (left.isOver()) {
        return false;
      }
      pause(STEP);
    }
    return true;
  }

  /**
   * Sleeps.
   *
   * @throws LabException if interrupted
   */
  public static void pause(Duration duration) {
    try {
      Thread.sleep(duration);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted", e);
    }
  }
}
