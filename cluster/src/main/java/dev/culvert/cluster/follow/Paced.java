// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * An action that is done when it is due, at once if it was not done for a while; and again when it
 * was not due for long.
 */
final class Paced implements Runnable {
  private static final EventLog LOG = EventLog.of(Paced.class);

  /** After an action that found nothing to do. */
  private static final Pace IDLE = new Pace(Duration.ofMillis(10), Duration.ofSeconds(1));

  private final String name;
  private final Supplier<Pace> pace;
  private final Duration again;
  private final BooleanSupplier action;
  private final WakeUp wakeUp = new WakeUp();

  /**
   * An action that is not due yet.
   *
   * @param pace after an action that did something
   * @param again the longest time between two
   * @param action tells whether it did anything: if not, it may be done again soon
   */
  Paced(String name, Supplier<Pace> pace, Duration again, BooleanSupplier action) {
    this.name = name;
    this.pace = pace;
    this.again = again;
    this.action = action;
  }

  /** The action is due. */
  void due() {
    wakeUp.call();
  }

  @Override
  public void run() {
    try {
      while (true) {
        wakeUp.await(again.toNanos());
        long began = System.nanoTime();
        boolean done = true;
        try {
          done = action.getAsBoolean();
        } catch (RuntimeException e) {
          LOG.per(name)
              .failure(
                  LogEvent.WATCH_FAILED,
                  e,
                  "{} failed, and is done again with the next change",
                  name);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        Thread.sleep((done ? pace.get() : IDLE).restAfter(took));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The end, as it is meant.
    }
  }
}
