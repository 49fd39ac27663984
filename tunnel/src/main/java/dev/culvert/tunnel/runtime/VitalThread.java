package dev.culvert.tunnel.runtime;

import java.time.Duration;
import java.util.function.Consumer;

/**
 * A thread without which its owner is good for nothing. It ends when its body returns; if the body
 * throws, an {@link Error} too, the owner is told and can end as a whole.
 */
public final class VitalThread {
  private static final LimitedLog LOG = LimitedLog.of(VitalThread.class);

  /** What a thread does. */
  @FunctionalInterface
  public interface Body {
    void run() throws Exception;
  }

  /** How long to wait for a thread that should end, or for a turn that should answer. */
  public static final Duration PATIENCE = Duration.ofSeconds(30);

  private VitalThread() {}

  /**
   * A platform thread: a blocking native call would pin a virtual thread's carrier.
   *
   * @param died told on that thread, as its last deed, what the body threw
   */
  public static Thread unstarted(String name, Body body, Consumer<? super Throwable> died) {
    return Thread.ofPlatform().name(name).daemon().unstarted(() -> run(name, body, died));
  }

  /** Returns when {@code thread} has ended, whatever interrupts, or when the time is over. */
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
        LOG.failure(name, cause, "{} has ended, which it must not", name);
      } finally {
        died.accept(cause);
      }
    }
  }
}
