// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for another thread, with a bound. */
public final class Eventually {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration STEP = Duration.ofMillis(5);

  private Eventually() {}

  /** Whether the condition holds before patience ends. */
  public static boolean holds(BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline >= 0) {
        return false;
      }
      try {
        Thread.sleep(STEP);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
    }
    return true;
  }
}
