// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.cli.kit.TestPrometheus;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The WireGuard exporter that dashboards are made for, unchanged, reads a gateway through {@code
 * wg}; the gateway's own metrics say the same, label by label. Cargo builds the exporter.
 */
@Tag("integration")
@Tag("soak")
final class ExporterTest {
  private static final String CRATE = "prometheus_wireguard_exporter";
  private static final String VERSION = "3.6.6";
  private static final int PORT = 9587;
  private static final Duration BUILD = Duration.ofMinutes(15);
  private static final String DELAY = "wireguard_latest_handshake_delay_seconds";

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("cargo");
    Requirements.tool("curl");
  }

  private Path exporter() {
    Commands.Result built =
        Commands.attempt(
            BUILD,
            Map.of(),
            List.of(
                "cargo",
                "install",
                CRATE,
                "--version",
                VERSION,
                "--locked",
                "--root",
                folder.toString()));
    assertTrue(built.succeeded(), built::err);
    return folder.resolve("bin").resolve(CRATE);
  }

  /** The peers' names, in the comments where the exporter looks for them. */
  private Path names(List<PeerView> peers) throws IOException {
    StringBuilder text = new StringBuilder("[Interface]\n");
    for (PeerView peer : peers) {
      text.append("[Peer]\n# friendly_name = ")
          .append(peer.name())
          .append("\nPublicKey = ")
          .append(peer.publicKey())
          .append("\nAllowedIPs = ")
          .append(String.join(",", peer.allowedIps()))
          .append('\n');
    }
    return Files.writeString(folder.resolve("names.conf"), text);
  }

  @Test
  void theMetricsAreThoseOfTheWireGuardExporter() throws Exception {
    Path exporter = exporter();
    try (TestLab lab = new TestLab()) {
      TestLab.observe(lab.gatewayA, "127.0.0.1");
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      LabSite site = lab.network.a;
      Path names = names(lab.gatewayA.status().orElseThrow().peers());
      try (Daemon running =
          site.node()
              .start(
                  Map.of(),
                  List.of(
                      exporter.toString(),
                      "--address",
                      "127.0.0.1",
                      "--port",
                      String.valueOf(PORT),
                      "--export_latest_handshake_delay",
                      "true",
                      "--interfaces",
                      site.interfaceName(),
                      "--extract_names_config_files",
                      names.toString()))) {
        running.await(
            "the exporter",
            Commands.PATIENCE,
            () -> site.node().attempt("curl", "-sSf", url(PORT)).succeeded());
        assertTrue(Waiting.until(Commands.PATIENCE, () -> isSame(site)), () -> difference(site));
      }
    }
  }

  private static String url(int port) {
    return "http://127.0.0.1:" + port + "/metrics";
  }

  /** Keepalives may pass between two scrapes, so that the exporter is asked before and after. */
  private static boolean isSame(LabSite site) {
    SequencedMap<String, Double> before = series(site, PORT);
    SequencedMap<String, Double> own = series(site, TestPrometheus.METRICS_PORT);
    SequencedMap<String, Double> after = series(site, PORT);
    assertEquals(4, before.size(), before::toString);
    boolean same = true;
    for (Map.Entry<String, Double> value : before.entrySet()) {
      double ours = own.getOrDefault(value.getKey(), Double.NaN);
      double later = after.getOrDefault(value.getKey(), Double.NaN);
      // The delay goes on while the scrapes are made; ours has fractions of seconds.
      same &=
          value.getKey().startsWith(DELAY)
              ? ours >= value.getValue() && ours <= later + 1
              : ours == value.getValue() && ours == later;
    }
    return same && own.size() == before.size();
  }

  private static String difference(LabSite site) {
    return "exporter: "
        + series(site, PORT)
        + "\nown: "
        + series(site, TestPrometheus.METRICS_PORT);
  }

  /** The series of the exporter's families by name and labels, whose order does not count. */
  private static SequencedMap<String, Double> series(LabSite site, int port) {
    SequencedMap<String, Double> series = new TreeMap<>();
    site.node()
        .run("curl", "-sS", url(port))
        .out()
        .lines()
        .filter(line -> line.startsWith("wireguard_"))
        .forEach(
            line -> {
              int open = line.indexOf('{');
              int close = line.lastIndexOf('}');
              String labels =
                  Arrays.stream(line.substring(open + 1, close).split("(?<=\"),", -1))
                      .sorted()
                      .collect(Collectors.joining(","));
              series.put(
                  line.substring(0, open) + "{" + labels + "}",
                  Double.valueOf(line.substring(close + 1).strip()));
            });
    return series;
  }
}
