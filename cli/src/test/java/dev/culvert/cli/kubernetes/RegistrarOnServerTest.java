// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.kubernetes.TestControlPlane.Worker;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.cluster.registrar.Registrar;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.registrar.RegistrarRun;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A registrar with its own rights on a real API server, and daemons with theirs. */
@Tag("integration")
@Tag("kubernetes")
final class RegistrarOnServerTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  @TempDir static Path folder;
  private static TestControlPlane cluster;
  private static Fabric8Api api;
  private static RegistrarRun registrar;

  @BeforeAll
  static void start() throws IOException {
    cluster = new TestControlPlane(folder);
    api = new Fabric8Api(cluster.registrar(folder.resolve("token")));
    registrar =
        RegistrarRun.start(
            api,
            new RegistrarConfig(
                "test", RegistrarConfig.NAMESPACE, RangeKind.NODES, Registrar.Settings.NONE));
  }

  @AfterAll
  static void end() {
    if (registrar != null) {
      registrar.close();
    }
    if (api != null) {
      api.close();
    }
    if (cluster != null) {
      cluster.close();
    }
  }

  private static String key(int number) {
    byte[] key = new byte[32];
    key[0] = 77;
    key[1] = (byte) number;
    return Base64.getEncoder().encodeToString(key);
  }

  /** A node with a range and an address of its number. */
  private static Worker node(String name, int number) {
    return node(name, number, "10.244." + number + ".0/24");
  }

  private static Worker node(String name, int number, String range) {
    return cluster.worker(
        name,
        "culvert-node",
        Map.of("node-role.kubernetes.io/test", ""),
        List.of(range),
        List.of("192.0.2." + number));
  }

  private static void claim(Worker node, int number) {
    node.daemon().create(CulvertNodes.PATH, node.claim(key(number))).orThrow();
  }

  private static JsonNode status(Worker node) {
    return cluster.admin().get(node.path()).orThrow().path("status");
  }

  private static void await(Worker node, String pointer, String value) {
    assertTrue(
        Waiting.until(PATIENCE, () -> status(node).at(pointer).asText().equals(value)),
        () -> pointer + " is not " + value + ": " + status(node) + ", " + registrar.stats());
  }

  private static JsonNode condition(Worker node, String type) {
    for (JsonNode condition : status(node).path("conditions")) {
      if (condition.path("type").asText().equals(type)) {
        return condition;
      }
    }
    throw new AssertionError(type + " is missing: " + status(node));
  }

  @Test
  void aNodeIsAcceptedAndItsStatusStaysAtRest() throws InterruptedException {
    Worker node = node("plain", 1);
    claim(node, 1);
    await(node, "/phase", "Accepted");
    assertEquals(key(1), status(node).path("publicKey").asText());
    assertEquals("10.244.1.0/24", status(node).at("/ranges/0").asText());
    assertEquals("192.0.2.1", status(node).at("/addresses/0").asText());
    assertEquals("test", status(node).at("/roles/0").asText());
    String version = version(node);
    // As a kubelet's heartbeat does.
    cluster
        .admin()
        .patch("/api/v1/nodes/plain", "{\"metadata\":{\"annotations\":{\"beat\":\"1\"}}}")
        .orThrow();
    Thread.sleep(2_000);
    assertEquals(version, version(node), "nothing is written at rest");
    assertEquals(0, registrar.stats().altered(), "the server stores the status as it was sent");
    assertEquals(0, registrar.stats().refusals());
  }

  private static String version(Worker node) {
    return cluster.admin().get(node.path()).orThrow().at("/metadata/resourceVersion").asText();
  }

  @Test
  void aChangedKeyWaitsForAnAdministratorWhoCanAlsoReject() {
    Worker node = node("rekeyed", 2);
    claim(node, 2);
    await(node, "/phase", "Accepted");
    node.daemon().patch(node.path(), CulvertNodes.key(key(22))).orThrow();
    await(node, "/conditions/0/reason", "KeyChanged");
    assertEquals(key(2), status(node).path("publicKey").asText());
    assertEquals("Accepted", status(node).path("phase").asText());
    cluster
        .admin()
        .patch(node.path(), CulvertNodes.annotation(CulvertNodes.ACCEPT, key(22)))
        .orThrow();
    await(node, "/publicKey", key(22));
    assertEquals("True", condition(node, "KeyAccepted").path("status").asText());
    cluster
        .admin()
        .patch(node.path(), CulvertNodes.annotation("culvert.dev/reject", "stolen"))
        .orThrow();
    await(node, "/phase", "Rejected");
    assertEquals(0, status(node).path("ranges").size());
    assertEquals(0, status(node).path("labels").size());
  }

  @Test
  void theSecondOwnerOfARangeIsRejectedUntilTheFirstOneGoes() {
    Worker first = node("first", 3, "10.245.0.0/16");
    claim(first, 3);
    await(first, "/phase", "Accepted");
    Worker second = node("second", 4, "10.245.7.0/24");
    claim(second, 4);
    await(second, "/phase", "Rejected");
    String message = condition(second, "NoConflict").path("message").asText();
    assertEquals("10.245.7.0/24 is claimed by second and belongs to first", message);
    assertEquals("Accepted", status(first).path("phase").asText());
    cluster.objects.deleteNode("first");
    await(first, "/phase", "Pending");
    await(second, "/phase", "Accepted");
  }

  @Test
  void twentyNodesAreAcceptedOneAfterTheOther() {
    List<Long> millis = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Worker node = node("timed-" + i, 100 + i);
      long start = System.nanoTime();
      claim(node, 100 + i);
      await(node, "/phase", "Accepted");
      millis.add((System.nanoTime() - start) / 1_000_000);
    }
    Collections.sort(millis);
    System.out.printf(
        "from the CulvertNode to its acceptance: median %d ms, at most %d ms%n",
        millis.get(10), millis.getLast());
  }
}
