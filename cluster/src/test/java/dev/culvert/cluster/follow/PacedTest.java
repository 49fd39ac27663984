// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Holds that an action rests after it did something, and only then. */
class PacedTest {
  private static final Pace FOR_EVER = new Pace(Duration.ofDays(1), Duration.ofDays(1));

  private final Semaphore runs = new Semaphore(0);
  private final AtomicBoolean doesSomething = new AtomicBoolean();
  private final Paced paced =
      new Paced(
          "test",
          () -> FOR_EVER,
          Duration.ofDays(1),
          () -> {
            runs.release();
            return doesSomething.get();
          });
  private Thread thread;

  @BeforeEach
  void start() {
    thread = Thread.ofVirtual().start(paced);
  }

  @AfterEach
  void end() throws InterruptedException {
    thread.interrupt();
    thread.join();
  }

  private boolean runs(Duration patience) throws InterruptedException {
    paced.due();
    return runs.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Test
  void anActionThatFoundNothingToDoIsSoonRepeated() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      assertTrue(runs(Duration.ofMinutes(1)), "run " + i);
    }
  }

  @Test
  void anActionThatDidSomethingRests() throws InterruptedException {
    doesSomething.set(true);
    assertTrue(runs(Duration.ofMinutes(1)));
    assertFalse(runs(Duration.ofMillis(100)));
  }
}
