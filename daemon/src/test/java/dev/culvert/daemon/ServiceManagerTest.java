// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.NotifyListener;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.kernel.NotifySocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The environment names the service manager's socket and watchdog; a bad value is not used. */
final class ServiceManagerTest {
  private static final long PID = 4711;

  @TempDir private Path folder;

  private static ServiceManager with(Map<String, String> environment) {
    return ServiceManager.of(environment, PID, List.of());
  }

  @Test
  void messagesArriveAtAPath() throws Exception {
    arriveAt(folder.resolve("notify").toString());
  }

  @Test
  void messagesArriveAtAnAbstractSocket() throws Exception {
    arriveAt("@culvert-test-" + ProcessHandle.current().pid() + "-" + System.nanoTime());
  }

  private static void arriveAt(String address) throws Exception {
    try (NotifyListener listener = new NotifyListener(address)) {
      ServiceManager manager = with(Map.of("NOTIFY_SOCKET", address));
      assertTrue(manager.listens());
      manager.starting(Duration.ofSeconds(2));
      assertTrue(manager.tell("READY=1"));
      assertTrue(Eventually.holds(() -> listener.messages().size() == 2));
      assertEquals(
          List.of("EXTEND_TIMEOUT_USEC=2000000\nSTATUS=starting", "READY=1"), listener.messages());
    }
  }

  @Test
  void aReloadHasTheTimeOfTheMonotonicClock() throws Exception {
    String address = folder.resolve("notify").toString();
    try (NotifyListener listener = new NotifyListener(address)) {
      long before = uptimeMicros();
      with(Map.of("NOTIFY_SOCKET", address)).reloading();
      assertTrue(Eventually.holds(() -> listener.messages().size() == 1));
      String[] lines = listener.messages().getFirst().split("\n", -1);
      assertEquals("RELOADING=1", lines[0]);
      long told = Long.parseLong(lines[1].substring("MONOTONIC_USEC=".length()));
      assertTrue(before <= told && told <= uptimeMicros(), before + " " + told);
    }
  }

  /** On Linux, the JVM's nanoTime is CLOCK_MONOTONIC. */
  private static long uptimeMicros() {
    return System.nanoTime() / 1000;
  }

  @Test
  void withoutAManagerNothingIsToldAndNothingFails() {
    for (Map<String, String> none :
        List.of(Map.<String, String>of(), Map.of("NOTIFY_SOCKET", ""))) {
      ServiceManager manager = with(none);
      assertFalse(manager.listens());
      assertTrue(manager.tell("READY=1"));
      assertNull(manager.watchdog());
    }
  }

  @Test
  void aManagerThatDoesNotListenIsNoReasonToFail() {
    ServiceManager manager = with(Map.of("NOTIFY_SOCKET", folder.resolve("nobody").toString()));
    assertFalse(manager.tell("READY=1"));
  }

  @Test
  void aManagerWhoseQueueIsFullIsWaitedForOnlyShortly() throws Exception {
    String address = "@culvert-full-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
    int fd =
        ErrnoException.check(
            "socket", LIBC.socket(LibC.AF_UNIX, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0));
    try (Arena arena = Arena.ofConfined()) {
      byte[] name = address.getBytes(StandardCharsets.UTF_8);
      name[0] = 0;
      MemorySegment at = arena.allocate(110, 8);
      at.set(JAVA_SHORT, 0, (short) LibC.AF_UNIX);
      MemorySegment.copy(name, 0, at, JAVA_BYTE, 2, name.length);
      ErrnoException.check("bind", LIBC.bind(fd, at.address(), 2 + name.length));
      ServiceManager manager = with(Map.of("NOTIFY_SOCKET", address));
      int taken = 0;
      while (taken < 100_000 && manager.tell("READY=1")) {
        taken++;
      }
      assertTrue(taken > 0 && taken < 100_000, "taken: " + taken);
      IOException full =
          assertThrows(IOException.class, () -> new NotifySocket(address).send("A=1"));
      assertTrue(String.valueOf(full.getMessage()).contains("its queue was full"), full::toString);
    } finally {
      LIBC.close(fd);
    }
  }

  @Test
  void theWatchdogIsThatOfThisProcess() {
    Map<String, String> socket = Map.of("NOTIFY_SOCKET", "/x", "WATCHDOG_USEC", "10000000");
    assertEquals(Duration.ofSeconds(10), with(socket).watchdog());
    assertEquals(Duration.ofSeconds(10), with(and(socket, "WATCHDOG_PID", "4711")).watchdog());
    assertNull(with(and(socket, "WATCHDOG_PID", "4712")).watchdog(), "another process's");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-5", "soon", ""})
  void aWatchdogThatIsNoTimeIsNotUsed(String micros) {
    assertNull(with(Map.of("NOTIFY_SOCKET", "/x", "WATCHDOG_USEC", micros)).watchdog());
  }

  private static Map<String, String> and(Map<String, String> map, String key, String value) {
    Map<String, String> all = new HashMap<>(map);
    all.put(key, value);
    return all;
  }

  @ParameterizedTest
  @ValueSource(strings = {"relative", "vsock:2:1234", "@", "/"})
  void anAddressThatIsNoSocketsIsRefusedAndTheManagerIsToldNothing(String address) {
    assertThrows(IllegalArgumentException.class, () -> new NotifySocket(address));
    assertFalse(with(Map.of("NOTIFY_SOCKET", address)).listens());
  }

  @Test
  void anAddressThatIsTooLongIsRefused() throws IOException {
    String longest = folder + "/" + "x".repeat(106 - folder.toString().length());
    assertEquals(107, longest.length());
    try (NotifyListener listener = new NotifyListener(longest)) {
      new NotifySocket(longest).send("A=1");
      assertTrue(Eventually.holds(() -> listener.count("A=1") == 1));
    }
    assertThrows(IllegalArgumentException.class, () -> new NotifySocket(longest + "x"));
  }
}
