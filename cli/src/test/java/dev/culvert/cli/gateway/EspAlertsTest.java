// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.gateway.OperatorFiles.Needs;
import dev.culvert.cli.gateway.OperatorFiles.Query;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.cli.kit.TestPrometheus;
import dev.culvert.cli.kit.TestPrometheus.Target;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabGlobalKey;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real Prometheus scrapes two nodes of a cluster with a global ESP key: alerts on keys fire, and
 * the commands in the runbooks work.
 */
@Tag("integration")
final class EspAlertsTest {
  private static TestCluster cluster;
  private static TestPrometheus prometheus;

  @TempDir static Path root;

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    Requirements.tool("curl");
    Requirements.tool("prometheus");
    cluster = new TestCluster(LabEngine.ESP, 2);
    try {
      cluster.start();
      for (LabGateway gateway : cluster.gateways) {
        TestLab.observe(gateway, gateway.site().wireAddress());
      }
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      // Outside of the cluster, so that its requests do not need the tunnel.
      prometheus =
          new TestPrometheus(
              cluster.network.wire,
              root,
              List.of(
                  Target.plain("a", cluster.site(0).wireAddress()),
                  Target.plain("b", cluster.site(1).wireAddress())),
              OperatorFiles.quickRules(root));
    } catch (IOException | RuntimeException | Error e) {
      cluster.close();
      throw e;
    }
  }

  @AfterAll
  static void remove() {
    if (prometheus != null) {
      prometheus.close();
    }
    if (cluster != null) {
      cluster.close();
    }
  }

  private static Path keyFile(int node) {
    return LabGlobalKey.file(
        cluster.site(node),
        Objects.requireNonNull(cluster.gateways.get(node).configuration().getParent()));
  }

  @Test
  void aRotationThatOneNodeDoesNotGetIsStuckAndSplitsTheCluster() throws IOException {
    cluster.culvert(0, "key", "rotate", keyFile(0).toString()).orThrow();
    prometheus.awaitFiring("CulvertRotationStuck", "a");
    // Of a cluster, so it has no instance.
    prometheus.await(TestPrometheus.firing("alertname=\"CulvertKeyEpochSplit\""));
    assertEquals(2, prometheus.answers("culvert:key_epoch:count"), "keys that are published");
    LabFiles.writePrivate(keyFile(1), Files.readString(keyFile(0)));
    prometheus.awaitSilence("CulvertRotationStuck");
    prometheus.awaitSilence("CulvertKeyEpochSplit");
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  @Test
  void aKeyFileOfLongAgoIsOld() throws IOException {
    FileTime before = Files.getLastModifiedTime(keyFile(1));
    Files.setLastModifiedTime(keyFile(1), FileTime.from(Instant.now().minus(Duration.ofDays(100))));
    try {
      prometheus.awaitFiring("CulvertKeyOld", "b");
    } finally {
      Files.setLastModifiedTime(keyFile(1), before);
    }
    prometheus.awaitSilence("CulvertKeyOld");
  }

  @Test
  void queriesAndSelectorsForEspAndForNodesAreAnswered() throws IOException {
    List<String> queries = new ArrayList<>();
    for (Query query : OperatorFiles.queries()) {
      if (query.needs() == Needs.ESP_CLUSTER) {
        queries.add(query.asked("a"));
      }
    }
    for (String field : List.of("alert", "record")) {
      for (JsonNode rule : OperatorFiles.rules(field)) {
        for (PromQl.Selector selector : PromQl.of(rule.path("expr").asText()).selectors()) {
          if (OperatorFiles.needs(selector.text()) == Needs.ESP_CLUSTER) {
            queries.add(selector.text());
          }
        }
      }
    }
    assertTrue(queries.size() > 12, queries::toString);
    List<String> silent = new ArrayList<>();
    Waiting.until(
        Commands.PATIENCE,
        () -> {
          silent.clear();
          queries.stream().filter(q -> prometheus.answers(q) <= 0).forEach(silent::add);
          return silent.isEmpty();
        });
    assertEquals(List.of(), silent);
  }

  @Test
  void commandsInTheDiagnosesWork() throws IOException {
    LabSite site = cluster.site(0);
    List<String> failed = new ArrayList<>();
    List<String> commands = OperatorFiles.diagnoses();
    assertTrue(commands.size() >= 9, commands::toString);
    for (String command : commands) {
      if (command.equals("culvert nodes")) {
        continue; // Needs the Kubernetes API; EspMeshTest runs it.
      }
      List<String> words = new ArrayList<>(Arrays.asList(command.split("\\s+", -1)));
      words.removeFirst();
      words.replaceAll(
          word ->
              word.equals("/etc/culvert/NAME.yaml")
                  ? cluster.gateways.getFirst().configuration().toString()
                  : word);
      // The default is culvert0, and gateways of tests have names of their own.
      if (List.of("audit", "routes", "verify").contains(words.getFirst())) {
        words.add(site.interfaceName());
      }
      Commands.Result result = cluster.culvert(0, words.toArray(String[]::new));
      // doctor fails if this machine has a fault, which is no fault of the command.
      boolean tellsOfMachine = words.getFirst().equals("doctor") && result.exitCode() == 1;
      if (!result.succeeded() && !tellsOfMachine) {
        failed.add(command + ": " + result.exitCode() + " " + result.err());
      }
    }
    assertEquals(List.of(), failed);
  }
}
