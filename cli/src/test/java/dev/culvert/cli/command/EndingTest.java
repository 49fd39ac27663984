// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The handler bounds the life of the process and ends the daemon with the reason when a platform or
 * virtual thread dies by an error.
 */
final class EndingTest {
  private final Thread.UncaughtExceptionHandler before =
      Thread.getDefaultUncaughtExceptionHandler();
  private final List<String> told = new CopyOnWriteArrayList<>();

  @AfterEach
  void putBack() {
    Thread.setDefaultUncaughtExceptionHandler(before);
  }

  private void die(Thread.Builder builder) throws InterruptedException {
    builder
        .name("cv0-discovery")
        .start(
            () -> {
              throw new StackOverflowError("on purpose");
            })
        .join();
  }

  @Test
  void theDeathOfAnyThreadByAnErrorBoundsTheProcessAndEndsTheDaemon() throws Exception {
    Thread.setDefaultUncaughtExceptionHandler(Ending.handler(() -> told.add("bounded"), told::add));
    die(Thread.ofVirtual());
    die(Thread.ofPlatform());
    String reason = "cv0-discovery has ended: java.lang.StackOverflowError: on purpose";
    assertEquals(List.of("bounded", reason, "bounded", reason), told);
  }
}
