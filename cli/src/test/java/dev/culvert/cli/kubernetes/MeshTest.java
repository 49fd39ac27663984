// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Gateways that get little more than their nodes' names form a mesh through a real API server, and
 * keep it through the loss of the API server, of a gateway, of a key and of a node. The nodes'
 * network is in the cluster's ranges. One mesh goes through all of it.
 */
@Tag("integration")
@Tag("kubernetes")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class MeshTest extends SharedMesh {
  private static final String MARKER = "never-in-clear-0";
  private static final String BEFORE = "before-the-guard";
  private static final String HOST_BEFORE = "host-before-guard";
  private static final String EXEMPT = "exempt-in-clear0";

  @BeforeAll
  static void start() throws IOException {
    Mesh mesh = share(MeshForm.WITH_NODES);
    mesh.plane.startControllers();
    mesh.join(0, "node-a");
    mesh.join(1, "node-b");
    mesh.start(0, "node-a");
    mesh.start(1, "node-b");
  }

  /** Sends the marker between pods and hosts of a site and of all others, both ways. */
  private void sendMarkers(int of) {
    for (int other = 0; other < 3; other++) {
      if (other != of) {
        TestCluster.send(site(of).pod(), site(other).podAddress(), 7, 0, MARKER);
        TestCluster.send(site(of).pod(), site(other).podAddressV6(), 7, 0, MARKER);
        TestCluster.send(site(other).pod(), site(of).podAddress(), 7, 0, MARKER);
        sendFromHost(of, other, MARKER);
        sendFromHost(other, of, MARKER);
      }
    }
  }

  private void sendFromHost(int from, int to, String text) {
    TestCluster.send(site(from).node(), site(to).wireAddress(), 7, 0, text);
    TestCluster.send(site(from).node(), site(to).wireAddressV6(), 7, 0, text);
  }

  /** From a node's address that nobody has, from outside of those, and from pods' addresses. */
  private static List<String> probes(Map<String, List<String>> targets, String... sources) {
    return targets.entrySet().stream()
        .flatMap(
            target ->
                List.of(sources).stream()
                    .filter(source -> source.contains(":") == target.getKey().contains(":"))
                    .flatMap(
                        source ->
                            target.getValue().stream()
                                .map(port -> source + " " + target.getKey() + " " + port)))
        .toList();
  }

  /** The third node has no gateway yet: it is the control, which every address reaches. */
  @Test
  @Order(1)
  void anUnknownAddressOfTheNodesReachesTheControlPlanesPortsAloneAndAnyOtherNothing() {
    String joining = "192.0.2.50";
    String joiningV6 = "2001:db8::32";
    String[] sources = {
      joining, "192.0.2.100", "10.42.77.5", joiningV6, "2001:db8::64", "fd42:77::5"
    };
    Stranger stranger = new Stranger(mesh.cluster.network.wire, List.of(sources));
    try (Daemon api = TestCluster.echo(site(0).node(), 9999);
        Daemon etcd = TestCluster.echo(site(1).node(), 9999);
        Daemon control = TestCluster.echo(site(2).node(), 9999);
        Daemon kubelet = TestCluster.echo(mesh.cluster.network.wire, 6443)) {
      List<String> unguarded =
          probes(
              Map.of(site(2).wireAddress(), List.of("9999"), "2001:db8::3", List.of("9999")),
              sources);
      assertEquals(unguarded.stream().sorted().toList(), stranger.reaches(unguarded));
      long before = counted(0, "unknown_in") + counted(1, "unknown_in");
      assertEquals(
          List.of("192.0.2.50 192.0.2.2 2379", "2001:db8::32 2001:db8::1 6443"),
          stranger.reaches(
              probes(
                  Map.of(
                      site(1).wireAddress(),
                      List.of("2379", "9999"),
                      site(0).wireAddressV6(),
                      List.of("6443", "9999")),
                  sources)));
      assertTrue(counted(0, "unknown_in") + counted(1, "unknown_in") >= before + 10);
      assertTrue(TestCluster.connects(site(2).node(), joining, 6443, EXEMPT), "the control");
      assertFalse(TestCluster.connects(site(1).node(), joining, 6443, EXEMPT), "a request to it");
      assertTrue(
          api.isAlive() && etcd.isAlive() && control.isAlive() && kubelet.isAlive(), mesh::state);
    }
    assertEquals("leaves in clear by rule control-plane", routes("192.0.2.2:2379", joining));
    assertEquals("dropped: no owner", routes("192.0.2.2:9999", joining));
    assertEquals("dropped: no owner", routes("192.0.2.2:2379", "192.0.2.100"));
    assertEquals("dropped: no owner", routes("192.0.2.2", joining + ":6443"));
  }

  private long counted(int site, String counter) {
    String text = site(site).node().run("nft", "list", "counter", "inet", "culvert", counter).out();
    return Long.parseLong(text.replaceAll("(?s).*packets (\\d+) .*", "$1"));
  }

  /** The last line of the second node's explanation of a packet. */
  private String routes(String from, String to) {
    return mesh.cluster
        .culvert(1, "routes", site(1).interfaceName(), "--explain", from, to)
        .out()
        .lines()
        .reduce("", (earlier, line) -> line)
        .strip();
  }

  @Test
  @Order(2)
  void theFirstPacketOfANewNodeLeavesEncryptedOrNotAtAll() {
    assertTrue(mesh.connected(0, 1), mesh::state);
    assertEquals(List.of("node-b"), mesh.peers(0));
    mesh.join(2, "node-c");
    try (Capture capture =
        Capture.start(mesh.cluster.network.wire, "br0", "", List.of(MARKER, BEFORE, HOST_BEFORE))) {
      capture.prove(
          BEFORE, () -> TestCluster.send(site(2).pod(), site(0).podAddress(), 7, 0, BEFORE));
      capture.prove(HOST_BEFORE, () -> sendFromHost(2, 0, HOST_BEFORE));
      long began = System.nanoTime();
      mesh.start(2, "node-c");
      boolean met =
          Waiting.until(
              Mesh.PATIENCE,
              () -> {
                sendMarkers(2);
                return TestCluster.pings(site(2).pod(), site(0).podAddress());
              });
      Figure.seconds("start of a gateway to its first ping", began);
      assertTrue(met && mesh.connected(2, 0) && mesh.connected(2, 1), mesh::state);
      sendMarkers(2);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
    }
    assertEquals(List.of("node-a", "node-b"), mesh.peers(2));
    assertEquals("Accepted", mesh.controlPlane(2).phase());
  }

  @Test
  @Order(3)
  void commandsShowTheMesh() {
    String nodes = mesh.cluster.culvert(1, "nodes").orThrow().out();
    assertEquals(3, nodes.lines().filter(line -> line.contains("Accepted")).count(), nodes);
    // By name: without one, the gateways of other tests on this machine are shown too.
    String status =
        mesh.cluster.network.sites().stream()
            .map(site -> mesh.cluster.culvert(site.number() - 1, "status", site.interfaceName()))
            .map(shown -> shown.orThrow().out())
            .collect(Collectors.joining());
    assertTrue(status.contains("node-a, Accepted"), status);
    assertEquals(
        1, status.lines().filter(line -> line.contains("registrar      leads")).count(), status);
    assertTrue(status.contains("registrar      stands by"), status);
  }

  @Test
  @Order(4)
  void withoutTheApiAllStaysAndAGatewayStartsFromDisk() {
    mesh.plane.stop();
    assertTrue(mesh.becomes(2, plane -> plane.error() != null), mesh::state);
    assertTrue(mesh.connected(0, 1) && mesh.connected(1, 2));
    mesh.kill(1);
    long began = System.nanoTime();
    mesh.start(1, "node-b");
    assertTrue(mesh.connected(1, 0) && mesh.connected(1, 2), mesh::state);
    Figure.seconds("restart from disk without the API to all pings", began);
    assertFalse(mesh.controlPlane(1).synced());
    assertEquals(3, mesh.controlPlane(1).nodes());
    long back = System.nanoTime();
    mesh.plane.start();
    for (int i = 0; i < 3; i++) {
      assertTrue(mesh.becomes(i, plane -> plane.synced() && plane.error() == null), mesh::state);
    }
    Figure.seconds("start of the API server to all gateways resumed", back);
    assertTrue(mesh.connected(0, 2), mesh::state);
  }

  @Test
  @Order(5)
  void anExemptionIsAppliedLive() {
    String label = "node-restriction.kubernetes.io/plain";
    mesh.plane.kubectl("label", "node", "node-b", label + "=yes").orThrow();
    try (Daemon server = TestCluster.echo(site(1).node(), 9999);
        Capture capture = mesh.cluster.provenCapture(EXEMPT)) {
      assertTrue(TestCluster.connects(site(2).node(), "192.0.2.2", 9999, EXEMPT), mesh::state);
      assertEquals(0, capture.seen(EXEMPT), "not exempt yet");
      mesh.exempt("plain", "TCP", 9999, label);
      assertTrue(
          Waiting.until(
              Mesh.PATIENCE,
              () ->
                  TestCluster.connects(site(2).node(), "192.0.2.2", 9999, EXEMPT)
                      && capture.seen(EXEMPT) > 0),
          mesh::state);
      assertTrue(server.isAlive());
    }
  }

  @Test
  @Order(6)
  void aNodeThatKeptItsOldKeyChangesItWithoutAnAdministrator() {
    String before = mesh.status(2).publicKey();
    mesh.kill(2);
    mesh.retireKey(2);
    mesh.start(2, "node-c");
    assertFalse(Objects.equals(before, mesh.status(2).publicKey()));
    assertTrue(mesh.becomes(2, plane -> "Accepted".equals(plane.phase())), mesh::state);
    assertTrue(mesh.connected(2, 0) && mesh.connected(2, 1), mesh::state);
  }

  @Test
  @Order(7)
  void aControlPlaneThatLostAllItsKeysReachesApiAndEtcdAndIsAcceptedByAnAdministrator() {
    for (int i = 0; i < 2; i++) {
      mesh.kill(i);
      mesh.forget(i, "private.key");
    }
    mesh.start(0, "node-a");
    mesh.start(1, "node-b");
    for (int i = 0; i < 2; i++) {
      assertTrue(
          mesh.becomes(
              i, plane -> plane.reasons().stream().anyMatch(r -> r.contains("KeyChanged"))),
          mesh::state);
      assertFalse(
          TestCluster.pings(site(2).pod(), site(i).podAddress()), "the old key is in force");
    }
    assertTrue(mesh.becomes(2, plane -> plane.synced() && plane.error() == null), mesh::state);
    for (String node : List.of("node-a", "node-b")) {
      mesh.accept(node);
    }
    long accepted = System.nanoTime();
    assertTrue(mesh.connected(0, 1) && mesh.connected(0, 2) && mesh.connected(1, 2), mesh::state);
    Figure.seconds("acceptance of two keys to all pings", accepted);
  }

  @Test
  @Order(8)
  void aDeletedNodeIsGoneAtOnceAndItsRangesAreAnothers() {
    String key = mesh.status(2).publicKey();
    mesh.kill(2);
    try (Capture capture = mesh.cluster.provenCapture(MARKER)) {
      long began = System.nanoTime();
      mesh.deleteNode("node-c");
      assertTrue(
          Waiting.until(
              Mesh.PATIENCE,
              () -> {
                sendMarkers(2);
                return !mesh.peers(0).contains("node-c") && !mesh.peers(1).contains("node-c");
              }),
          mesh::state);
      Figure.seconds("deletion of a Node to its peers' loss of its keys", began);
      mesh.forget(2, "*");
      mesh.join(2, "node-d");
      mesh.start(2, "node-d");
      assertTrue(
          Waiting.until(
              Mesh.PATIENCE,
              () -> {
                sendMarkers(2);
                return TestCluster.pings(site(0).pod(), site(2).podAddress());
              }),
          mesh::state);
      assertTrue(mesh.connected(2, 1), mesh::state);
      assertEquals(List.of("node-b", "node-d"), mesh.peers(0));
      assertFalse(Objects.equals(key, mesh.status(2).publicKey()));
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
    }
  }

  @Test
  @Order(9)
  void aNodeWhoseClaimIsAnOldOneAfterARestoreOfEtcdPublishesItAnew() {
    mesh.plane.backUp();
    String before = mesh.status(2).publicKey();
    mesh.kill(2);
    mesh.forget(2, "*.old");
    mesh.retireKey(2);
    mesh.start(2, "node-d");
    assertTrue(mesh.becomes(2, plane -> "Accepted".equals(plane.phase())), mesh::state);
    assertTrue(mesh.connected(2, 0) && mesh.connected(2, 1), mesh::state);
    String key = mesh.status(2).publicKey();
    assertFalse(Objects.equals(before, key));
    mesh.plane.restoreWithRisingVersions();
    long restored = System.nanoTime();
    assertTrue(
        Waiting.until(
            Mesh.PATIENCE,
            () -> {
              for (int peer = 0; peer < 2; peer++) {
                assertEquals(key, mesh.keyOfPeer(peer, "node-d"), "the former key is back");
              }
              return mesh.plane
                  .admin()
                  .get("/apis/culvert.dev/v1alpha1/culvertnodes/node-d")
                  .body()
                  .at("/status/publicKey")
                  .asText()
                  .equals(key);
            }),
        mesh::state);
    assertTrue(mesh.connected(2, 0) && mesh.connected(2, 1), mesh::state);
    Figure.seconds("restore of etcd to all pings", restored);
  }
}
