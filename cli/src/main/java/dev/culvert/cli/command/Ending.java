// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import java.time.Duration;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a daemon ends whatever happens. What its process put into the kernel stays, above all the
 * guard: an end is never the moment at which something leaves in clear.
 */
final class Ending {
  private static final Logger log = LoggerFactory.getLogger(Ending.class);

  /** Longer than closing takes when every part answers, shorter than an init system waits. */
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private Ending() {}

  /**
   * Has the death of any thread, by an exception or an error that nobody caught, end the daemon:
   * without it half a daemon would go on.
   *
   * @param end told why
   */
  static void withAnyThread(Consumer<String> end) {
    Thread.setDefaultUncaughtExceptionHandler(handler(Ending::withinBounds, end));
  }

  /** Without memory even logging fails: the rest is done all the same. */
  static Thread.UncaughtExceptionHandler handler(Runnable bound, Consumer<String> end) {
    return (thread, cause) -> {
      bound.run();
      try {
        log.error("{} has ended, which it must not", thread.getName(), cause);
      } finally {
        end.accept(thread.getName() + " has ended: " + cause);
      }
    };
  }

  /** From here the process ends within bounds, though a part of it may not. */
  static void withinBounds() {
    Thread.ofPlatform()
        .name("last-resort")
        .daemon()
        .start(
            () -> {
              try {
                Thread.sleep(PATIENCE);
              } catch (InterruptedException e) {
                log.error("interrupted before its time", e);
              }
              log.error("a part did not end within {} s", PATIENCE.toSeconds());
              Runtime.getRuntime().halt(ExitCode.FAILED);
            });
  }
}
