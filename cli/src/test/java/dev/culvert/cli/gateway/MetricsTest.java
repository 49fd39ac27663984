// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.cli.kit.TestPrometheus;
import dev.culvert.cli.kit.TestPrometheus.Target;
import dev.culvert.lab.LabFlow;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real Prometheus scrapes two gateways: the figures are those of {@code wg} and of the guard. */
@Tag("integration")
final class MetricsTest {
  private static final int PORT = TestPrometheus.METRICS_PORT;

  private static TestLab lab;
  private static Path folder;

  @TempDir static Path root;

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    Requirements.tool("curl");
    Requirements.tool("promtool");
    Requirements.tool("prometheus");
    folder = root;
    lab = new TestLab();
    TestLab.observe(lab.gatewayA, "127.0.0.1");
    TestLab.observe(lab.gatewayB, lab.network.b.wireAddress());
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
  }

  @AfterAll
  static void remove() {
    if (lab != null) { // Null if the class was skipped.
      lab.close();
    }
  }

  private static String scrape(LabSite site, String address) {
    return site.node().run("curl", "-sS", "http://" + address + ":" + PORT + "/metrics").out();
  }

  private static String scrapeA() {
    return scrape(lab.network.a, "127.0.0.1");
  }

  /** The values of all series of a family. */
  private static List<Long> values(String scrape, String family) {
    return scrape
        .lines()
        .filter(line -> line.startsWith(family + "{"))
        .map(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .toList();
  }

  private static long value(String scrape, String series) {
    List<String> lines = scrape.lines().filter(line -> line.startsWith(series)).toList();
    assertEquals(1, lines.size(), () -> series + " in " + scrape);
    return (long) Double.parseDouble(lines.getFirst().substring(series.length()).strip());
  }

  @Test
  void promtoolFindsNoFault() {
    Commands.Result checked =
        lab.network
            .a
            .node()
            .attempt(
                "sh",
                "-c",
                "curl -sS http://127.0.0.1:" + PORT + "/metrics | promtool check metrics");
    assertTrue(checked.succeeded(), checked::err);
    assertEquals("", checked.out() + checked.err());
  }

  private static String wgTransfer(LabSite site) {
    String line = site.node().run("wg", "show", site.interfaceName(), "transfer").out().strip();
    String[] words = line.split("\\s+", -1);
    return words[1] + " " + words[2];
  }

  private static String scraped(LabSite site, String address) {
    String scrape = scrape(site, address);
    return Stream.of("wireguard_received_bytes_total", "wireguard_sent_bytes_total")
        .map(family -> values(scrape, family))
        .map(all -> String.valueOf(all.getFirst()))
        .collect(Collectors.joining(" "));
  }

  /** Keepalives may pass between two questions, so that wg is asked before and after. */
  private static boolean transferIsThatOfWg(LabSite site, String address) {
    String before = wgTransfer(site);
    String metrics = scraped(site, address);
    return before.equals(metrics) && before.equals(wgTransfer(site));
  }

  @Test
  void bytesAreThoseOfWgAndPrometheusSeesNoCounterFall() throws Exception {
    List<Target> targets =
        List.of(Target.plain("a", "127.0.0.1"), Target.plain("b", lab.network.b.wireAddress()));
    try (TestPrometheus prometheus =
        new TestPrometheus(lab.network.a.node(), folder, targets, null)) {
      try (LabFlow flow =
          new LabFlow(
              lab.network.a.pod(),
              lab.network.b.pod(),
              lab.network.b.podAddress(),
              Duration.ofSeconds(2),
              "metrics-marker-0")) {
        assertTrue(flow.arrivedUnchanged());
      }
      assertTrue(
          Waiting.until(Commands.PATIENCE, () -> transferIsThatOfWg(lab.network.a, "127.0.0.1")));
      assertTrue(
          Waiting.until(
              Commands.PATIENCE,
              () -> transferIsThatOfWg(lab.network.b, lab.network.b.wireAddress())));
      long sent = values(scrapeA(), "wireguard_sent_bytes_total").getFirst();
      assertTrue(sent > 1_000_000, "the flow is in it");
      // A new session, and a configuration that is read again.
      lab.gatewayB.kill();
      TestLab.reconfigure(lab.gatewayA, yaml -> yaml);
      lab.gatewayB.start(Files.readString(lab.gatewayB.configuration()));
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      prometheus.await("culvert_handshakes_total{instance=\"a\",result=\"ok\"} > 0");
      for (String family :
          List.of(
              "wireguard_sent_bytes_total",
              "wireguard_received_bytes_total",
              "culvert_bytes_total",
              "culvert_packets_total",
              "culvert_audit_packets_total",
              "culvert_drops_total")) {
        assertTrue(prometheus.answers("resets(" + family + "{instance=\"a\"}[10m])") > 0, family);
        assertEquals(
            0, prometheus.answers("resets(" + family + "{instance=\"a\"}[10m]) > 0"), family);
      }
      // Of Kilo's board.
      for (String query :
          List.of(
              "sum(rate(wireguard_received_bytes_total[1m])) + sum(rate(wireguard_sent_bytes_total[1m]))",
              "sum by (public_key) (time() - (wireguard_latest_handshake_seconds != 0))",
              "process_cpu_seconds_total",
              "process_resident_memory_bytes")) {
        assertTrue(prometheus.answers(query) > 0, query);
      }
    }
  }

  @Test
  void aGuardThatIsTakenAwayShowsUntilItIsRepaired() {
    assertEquals(
        0,
        value(
            scrapeA(),
            "culvert_rules_repaired_total{interface=\"%s\",kind=\"nft\"}".formatted(device())));
    lab.network.a.node().run("nft", "delete", "table", "inet", "culvert");
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () ->
                value(
                        scrapeA(),
                        "culvert_rules_repaired_total{interface=\"%s\",kind=\"nft\"}"
                            .formatted(device()))
                    > 0));
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () ->
                scrapeA()
                    .contains(
                        "culvert_guard_present{family=\"ipv4\",interface=\"%s\"} 1.0"
                            .formatted(device()))));
    assertEquals(
        "ok\n", lab.network.a.node().run("curl", "-sS", "http://127.0.0.1:9586/readyz").out());
  }

  private static String device() {
    return lab.network.a.interfaceName();
  }

  @Test
  void aLaneThatIsAskedAnswers() {
    String scrape = scrapeA();
    List<Long> ages = values(scrape, "culvert_lane_tick_age_seconds");
    assertFalse(ages.isEmpty());
    assertEquals(0, ages.stream().mapToLong(Long::longValue).sum());
    assertEquals(
        "ok\n", lab.network.a.node().run("curl", "-sS", "http://127.0.0.1:9586/livez").out());
  }
}
