// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.runtime;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * A thread that its owner cannot work without. It ends when its body returns; if the body throws,
 * even an {@link Error}, the owner is told and can shut down.
 */
public final class VitalThread {
  private static final EventLog LOG = EventLog.of(VitalThread.class);

  /** The body of a thread. */
  @FunctionalInterface
  public interface Body {
    void run() throws Exception;
  }

  /** The longest wait for a thread to end, or for an event loop to answer. */
  public static final Duration PATIENCE = Duration.ofSeconds(30);

  private VitalThread() {}

  /**
   * A platform thread: a blocking native call would pin a virtual thread's carrier.
   *
   * @param died called last on that thread with the exception that the body threw
   */
  public static Thread unstarted(String name, Body body, Consumer<? super Throwable> died) {
    return Thread.ofPlatform().name(name).daemon().unstarted(() -> run(name, body, died));
  }

  /** Waits until {@code thread} has ended or the time is over; interrupts do not end the wait. */
  public static void join(Thread thread, Duration patience) {
    long end = System.nanoTime() + patience.toNanos();
    boolean interrupted = false;
    while (thread.isAlive() && System.nanoTime() - end < 0) {
      try {
        thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void run(String name, Body body, Consumer<? super Throwable> died) {
    try {
      body.run();
    } catch (Throwable cause) { // An Error ends a thread as well.
      try {
        LOG.failure(LogEvent.THREAD_DIED, cause, "{} has ended, which it must not", name);
      } finally {
        died.accept(cause);
      }
    }
  }
}
