// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** All threads are lowered together, and all get back the urgency of before. */
final class UrgencyTest {
  private static final String NORMAL = "0";
  private static final String IDLE = "5";
  private static final Duration LONG = Duration.ofMinutes(5);

  private final CountDownLatch over = new CountDownLatch(1);
  private String usual = "";

  /** The policy and niceness of a thread. */
  private record Found(String policy, String niceness) {}

  @BeforeEach
  void privileged() {
    usual = Integer.toString(LIBC.getpriority(LibC.PRIO_PROCESS, 0));
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root, for CAP_SYS_NICE");
    startsThread(); // Other than the JVM's own.
  }

  @AfterEach
  void restore() throws IOException {
    over.countDown();
    Urgency.restore();
  }

  @Test
  void allThreadsAreLoweredAndRestored() throws IOException {
    Urgency.lower(10, LONG);
    assertEquals(Set.of(new Found(NORMAL, "10")), threads());
    Urgency.onlySpareTime(LONG);
    assertEquals(Set.of(new Found(IDLE, usual)), threads());
    Urgency.restore();
    assertEquals(Set.of(new Found(NORMAL, usual)), threads());
  }

  @Test
  void aThreadThatStartsMeanwhileIsLoweredAndRestoredToo() throws IOException {
    Urgency.onlySpareTime(LONG);
    startsThread();
    assertEquals(Set.of(new Found(IDLE, usual)), threads());
    Urgency.restore();
    assertEquals(Set.of(new Found(NORMAL, usual)), threads());
  }

  @Test
  void aBusyMachineDelaysTheProcessForALimitedTime() throws Exception {
    Urgency.onlySpareTime(Duration.ofMillis(1));
    awaitUsual();
    Urgency.lower(10, Duration.ofMillis(1));
    awaitUsual();
  }

  private void awaitUsual() throws Exception {
    Set<Found> end = Set.of(new Found(NORMAL, usual));
    for (int i = 0; i < 1000 && !threads().equals(end); i++) {
      Thread.sleep(10);
    }
    assertEquals(end, threads());
  }

  @Test
  void theEndOfATimeLeavesTheNextOneAlone() throws Exception {
    for (int i = 0; i < 100; i++) {
      Urgency.lower(10, Duration.ofNanos(1000L * i));
      Urgency.onlySpareTime(LONG);
      assertEquals(Set.of(new Found(IDLE, usual)), threads());
    }
  }

  private void startsThread() {
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                over.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  /** Of all threads but the one that watches the others. */
  private static Set<Found> threads() throws IOException {
    return FoundThread.all().stream()
        .filter(thread -> !thread.name().equals(Urgency.WATCH))
        .map(thread -> new Found(thread.policy(), thread.niceness()))
        .collect(Collectors.toSet());
  }
}
