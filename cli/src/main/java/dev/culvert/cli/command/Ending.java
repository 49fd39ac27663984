// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Makes sure that a daemon ends, even if a part of it fails. The state that its process put into
 * the kernel stays, above all the guard, so that packets do not leave in clear when the daemon
 * ends.
 */
final class Ending {
  private static final EventLog log = EventLog.of(Ending.class);

  /** Longer than closing takes if every part answers, shorter than an init system waits. */
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private Ending() {}

  /**
   * Ends the daemon if any thread dies by an uncaught exception or error, since otherwise only a
   * part of the daemon would go on.
   *
   * @param end told why
   */
  static void withAnyThread(Consumer<String> end) {
    Thread.setDefaultUncaughtExceptionHandler(handler(Ending::withinBounds, end));
  }

  /**
   * The handler for a thread's death. The daemon ends even if logging fails, as it does without
   * memory.
   */
  static Thread.UncaughtExceptionHandler handler(Runnable bound, Consumer<String> end) {
    return (thread, cause) -> {
      bound.run();
      try {
        log.failure(
            LogEvent.THREAD_DIED, cause, "{} has ended, which it must not", thread.getName());
      } finally {
        end.accept(thread.getName() + " has ended: " + cause);
      }
    };
  }

  /** Ends the process within a bounded time from here on, even if a part of it does not end. */
  static void withinBounds() {
    Thread.ofPlatform()
        .name("last-resort")
        .daemon()
        .start(
            () -> {
              try {
                Thread.sleep(PATIENCE);
              } catch (InterruptedException e) {
                log.failure(LogEvent.END_FORCED, e, "interrupted before its time");
              }
              log.error(
                  LogEvent.END_FORCED, "a part did not end within {} s", PATIENCE.toSeconds());
              Runtime.getRuntime().halt(ExitCode.FAILED);
            });
  }
}
