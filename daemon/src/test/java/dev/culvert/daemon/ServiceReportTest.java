// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.observe.Health;
import dev.culvert.daemon.observe.Health.Check;
import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service manager hears that a gateway is ready, lives, reloads and ends, and only then. */
final class ServiceReportTest {
  private static final Duration WATCHDOG = Duration.ofSeconds(10);
  private static final String READY = "READY=1\nSTATUS=ready";

  private final List<String> heard = new CopyOnWriteArrayList<>();
  private Health ready = Health.NOTHING;
  private Health live = Health.NOTHING;
  private boolean deaf;

  @TempDir private Path folder;

  private ServiceReport report(@Nullable Duration watchdog) {
    ServiceManager.Channel channel =
        (message, none) -> {
          if (deaf) {
            throw new IOException("nobody listens");
          }
          heard.add(message.replaceAll("MONOTONIC_USEC=\\d+", "MONOTONIC_USEC=N"));
        };
    return new ServiceReport(
        new ServiceManager(channel, watchdog, List.of()), () -> ready, () -> live);
  }

  private static Health failing(String check) {
    return new Health(List.of(new Check("other", true), new Check(check, false)));
  }

  private static long seconds(long count) {
    return TimeUnit.SECONDS.toNanos(count);
  }

  @Test
  void aGatewayIsReadyOnlyOnceItsChecksPass() {
    ready = failing("nodes");
    ServiceReport report = report(WATCHDOG);
    assertEquals(ServiceReport.UNREADY_STEP, report.step(0));
    assertEquals(ServiceReport.UNREADY_STEP, report.step(seconds(1)));
    assertEquals(List.of("STATUS=not ready: nodes"), heard);
    ready = Health.NOTHING;
    assertEquals(Duration.ofMillis(2_500), report.step(seconds(2)));
    assertEquals(List.of("STATUS=not ready: nodes", READY, "WATCHDOG=1"), heard);
  }

  @Test
  void aGatewayThatWaitsForItsNodesAsksForMoreTimeAsLongAsItLives() {
    ready = failing("nodes");
    ServiceReport report = report(WATCHDOG);
    report.step(seconds(19));
    report.step(seconds(20));
    report.step(seconds(39));
    report.step(seconds(40));
    assertEquals(2, heard.stream().filter("EXTEND_TIMEOUT_USEC=30000000"::equals).count());
    live = failing("control");
    report.step(seconds(60));
    assertEquals(2, heard.stream().filter(m -> m.startsWith("EXTEND")).count(), "it is stuck");
  }

  @Test
  void aStuckLaneGetsNoWatchdogUntilItAnswers() {
    ServiceReport report = report(WATCHDOG);
    report.step(0);
    live = failing("lane-1");
    assertEquals(ServiceReport.UNFED_STEP, report.step(seconds(5)), "it looks again soon");
    report.step(seconds(10));
    assertEquals(List.of(READY, "WATCHDOG=1", "STATUS=stuck: lane-1"), heard);
    live = Health.NOTHING;
    report.step(seconds(15));
    assertEquals(
        List.of(READY, "WATCHDOG=1", "STATUS=stuck: lane-1", "WATCHDOG=1", "STATUS=ready"), heard);
  }

  @Test
  void aSignOfLifeThatDidNotArriveIsFollowedByAnotherSoon() {
    ServiceReport report = report(WATCHDOG);
    report.step(0);
    deaf = true;
    assertEquals(ServiceReport.UNFED_STEP, report.step(seconds(1)));
    deaf = false;
    assertEquals(Duration.ofMillis(2_500), report.step(seconds(2)));
  }

  @Test
  void aLookThatFailsDoesNotEndTheReport() {
    AtomicInteger looks = new AtomicInteger();
    Supplier<Health> failingOnce =
        () -> {
          if (looks.getAndIncrement() == 0) {
            throw new IllegalStateException("as if a part was not there");
          }
          return Health.NOTHING;
        };
    ServiceManager manager =
        new ServiceManager((message, none) -> heard.add(message), Duration.ofMillis(40), List.of());
    try (ServiceReport report = new ServiceReport(manager, failingOnce, () -> live)) {
      report.start();
      assertTrue(Eventually.holds(() -> fed() > 0), heard::toString);
    }
  }

  @Test
  void theEndWaitsOnlyShortlyForAMessageThatIsUnderWay() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    ServiceManager.Channel slow =
        (message, none) -> {
          begun.countDown();
          try {
            goOn.await();
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          heard.add(message);
        };
    ServiceReport report =
        new ServiceReport(new ServiceManager(slow, WATCHDOG, List.of()), () -> ready, () -> live);
    Thread other = Thread.ofVirtual().start(() -> report.step(0));
    begun.await();
    long before = System.nanoTime();
    report.close();
    assertTrue(System.nanoTime() - before < seconds(20), "it did not wait for the other message");
    assertNull(report.step(seconds(1)), "there is nothing to tell any more");
    goOn.countDown();
    other.join();
    assertTrue(Eventually.holds(() -> heard.size() == 2), heard::toString);
    assertEquals(List.of(READY, "STOPPING=1\nSTATUS=stopping; the guard stays"), heard);
  }

  @Test
  void withoutAWatchdogNothingIsToldAfterReady() {
    ServiceReport report = report(null);
    assertNull(report.step(0));
    assertEquals(List.of(READY), heard);
  }

  @Test
  void aManagerThatCouldNotBeToldIsToldLater() {
    ServiceReport report = report(null);
    deaf = true;
    assertEquals(ServiceReport.UNREADY_STEP, report.step(0));
    deaf = false;
    assertNull(report.step(1));
    assertEquals(List.of(READY), heard);
  }

  @Test
  void reloadsThatOverlapAreOne() {
    ServiceReport report = report(WATCHDOG);
    report.reloading();
    report.reloaded();
    assertEquals(List.of(), heard, "not before it is ready");
    report.step(0);
    heard.clear();
    report.reloading();
    report.reloading();
    report.reloaded();
    report.step(seconds(5));
    report.reloaded();
    assertEquals(
        List.of("RELOADING=1\nMONOTONIC_USEC=N\nSTATUS=reloading", "WATCHDOG=1", READY), heard);
  }

  @Test
  void nothingIsToldAfterTheEnd() {
    ServiceReport report = report(WATCHDOG);
    report.step(0);
    heard.clear();
    report.stopping();
    report.close();
    report.reloading();
    report.reloaded();
    report.step(seconds(5));
    assertEquals(List.of("STOPPING=1\nSTATUS=stopping; the guard stays"), heard);
  }

  @Test
  void aGatewayThatEndsBeforeItIsReadyNeverSaysThatItIs() {
    ready = failing("guard");
    ServiceReport report = report(WATCHDOG);
    report.stopping();
    ready = Health.NOTHING;
    report.step(0);
    assertEquals(List.of("STOPPING=1\nSTATUS=stopping; the guard stays"), heard);
  }

  @Test
  void aGatewayReportsFromReadyToItsEndWithoutAnEndpoint() throws Exception {
    FakeTunnels tunnels = new FakeTunnels();
    Path file =
        GatewayYaml.of("cv0", "addresses: [10.66.0.1/24]", "listenPort: 51820")
            .with("identity: {privateKeyFile: " + folder.resolve("private.key") + "}")
            .peers(
                GatewayYaml.entry("a", "publicKey: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="))
            .write(folder.resolve("gw.yaml"));
    Machine machine = FakeMachine.in(folder, tunnels, new FakeNetwork());
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      daemon.reportTo(
          new ServiceManager(
              (message, none) -> heard.add(message), Duration.ofMillis(40), List.of()));
      assertTrue(Eventually.holds(() -> fed() > 2), heard::toString);
      assertEquals(READY, heard.getFirst());
      daemon.reload();
      assertEquals(1, heard.stream().filter(m -> m.startsWith("RELOADING=1\n")).count());
      Files.writeString(file, "kind: Nothing\n");
      daemon.reloadLogged();
      assertEquals(3, heard.stream().filter(READY::equals).count(), heard::toString);

      tunnels.devices().getFirst().tunnel().stuckFor(Duration.ofSeconds(3));
      assertTrue(Eventually.holds(() -> heard.contains("STATUS=stuck: lane-0")), heard::toString);
      assertEquals("STATUS=stuck: lane-0", heard.getLast(), "no sign of life after it");
    }
    assertEquals("STOPPING=1\nSTATUS=stopping; the guard stays", heard.getLast());
  }

  private long fed() {
    return heard.stream().filter("WATCHDOG=1"::equals).count();
  }
}
