// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * A real API server comes back with less, with another cluster's data or with an older state: the
 * gateways hold that or refuse it and say so, traffic that worked goes on, and a gateway that is
 * killed meanwhile starts from its state on disk. One mesh of two gateways goes through all of it.
 * The registrar runs by itself, so that a claim that is published anew is not accepted before the
 * test says so.
 */
@Tag("integration")
@Tag("kubernetes")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class ApiComesBackTest extends SharedMesh {
  private static final String CLAIMS = "/registry/culvert.dev/culvertnodes/";
  private static final String KUBE_SYSTEM = "/registry/namespaces/kube-system";
  private static final String OTHER_UID = "00000000-0000-4000-8000-000000000000";
  private static final Map<String, String> ALONE = Map.of("CULVERT_REGISTRAR", "separate");
  private static final List<String> NAMES = List.of("node-a", "node-b");

  @BeforeAll
  static void start() throws IOException {
    Mesh mesh = share(MeshForm.APART);
    mesh.join(0, "node-a");
    mesh.join(1, "node-b");
    mesh.startRegistrar("node-a");
    SideBySide.run(() -> mesh.start(0, "node-a", ALONE), () -> mesh.start(1, "node-b", ALONE));
    assertTrue(mesh.connected(0, 1), mesh::state);
  }

  /** Ends the API servers, changes etcd beneath them, and starts them again. */
  private void comesBackAfter(Runnable change) {
    mesh.plane.stopApiServers();
    change.run();
    mesh.plane.start();
  }

  private void restart(int site) {
    mesh.kill(site);
    mesh.start(site, NAMES.get(site), ALONE);
  }

  private void assertHeld(int site, String... names) {
    assertTrue(
        mesh.becomes(
            site,
            plane ->
                plane.synced()
                    && plane.held() != null
                    && List.of(names).stream().allMatch(plane.held()::contains)),
        mesh::state);
    String status = status(site);
    assertTrue(status.contains("a state of the Kubernetes API is held back"), status);
    for (String name : names) {
      assertTrue(status.contains(name), status);
    }
  }

  private String status(int site) {
    return mesh.cluster
        .culvert(site, "status", mesh.cluster.site(site).interfaceName())
        .orThrow()
        .out();
  }

  private void assertConnected() {
    assertTrue(mesh.connected(0, 1), mesh::state);
  }

  private void assertNothingHeld() {
    for (int site = 0; site < 2; site++) {
      assertTrue(
          mesh.becomes(
              site, plane -> plane.synced() && plane.held() == null && plane.error() == null),
          mesh::state);
    }
  }

  private String kubeSystemUid() {
    return mesh.plane
        .admin()
        .get("/api/v1/namespaces/kube-system")
        .orThrow()
        .at("/metadata/uid")
        .asText();
  }

  @Test
  @Order(1)
  void aPartialListIsHeld() {
    mesh.stopRegistrar();
    comesBackAfter(() -> assertEquals(1, mesh.plane.etcdKeys().deleteAll(CLAIMS + "node-b")));
    assertHeld(0, "node-b");
    assertConnected();
    restart(0);
    assertConnected();
    assertHeld(0, "node-b");
    assertEquals(List.of("node-b"), mesh.peers(0));
  }

  /** Goes on from the test before. */
  @Test
  @Order(2)
  void anotherClustersDataIsRefused() {
    String uid = kubeSystemUid();
    comesBackAfter(
        () -> {
          mesh.plane.etcdKeys().replace(KUBE_SYSTEM, uid, OTHER_UID);
          assertTrue(mesh.plane.etcdKeys().deleteAll(CLAIMS) > 0);
        });
    assertEquals(OTHER_UID, kubeSystemUid());
    assertRefused(0);
    assertRefused(1);
    assertConnected();
    restart(1);
    assertConnected();
    assertRefused(1);
    assertFalse(mesh.controlPlane(1).synced());
    mesh.cluster.culvert(1, "nodes", "accept", "--held").orThrow();
    assertRefused(1);
    assertEquals(List.of("node-a"), mesh.peers(1), "nor is it accepted");
    comesBackAfter(() -> mesh.plane.etcdKeys().replace(KUBE_SYSTEM, OTHER_UID, uid));
  }

  private void assertRefused(int site) {
    assertTrue(
        mesh.becomes(
            site, plane -> plane.error() != null && plane.error().contains("another cluster")),
        mesh::state);
    assertTrue(status(site).contains("another cluster"));
  }

  /** Goes on from the test before: the cluster is the right one again, and no node is accepted. */
  @Test
  @Order(3)
  void anEmptyListIsHeld() {
    assertHeld(0, "node-a", "node-b");
    assertHeld(1, "node-a", "node-b");
    assertConnected();
    restart(0);
    assertConnected();
    assertHeld(0, "node-a", "node-b");
    assertEquals(List.of("node-b"), mesh.peers(0));
    mesh.startRegistrar("node-a");
    assertNothingHeld();
    assertConnected();
  }

  @Test
  @Order(4)
  void anOlderStateBringsNoFormerKeyBackAndDeletesNoNode() {
    mesh.plane.backUp();
    String before = mesh.status(1).publicKey();
    mesh.kill(1);
    mesh.forget(1, "*.old");
    mesh.retireKey(1);
    mesh.start(1, "node-b", ALONE);
    String key = Objects.requireNonNull(mesh.status(1).publicKey());
    assertNotEquals(before, key);
    assertTrue(mesh.becomes(1, plane -> "Accepted".equals(plane.phase())), mesh::state);
    assertConnected();
    joinWithoutGateway();
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> mesh.peers(0).contains("node-c")), mesh::state);
    mesh.pauseRegistrar(true);
    mesh.pause(1, true);
    mesh.plane.restore();
    assertHeld(0, "node-b", "node-c");
    mesh.pause(1, false);
    assertTrue(
        Waiting.until(Mesh.PATIENCE, () -> keyOf("node-b", "spec").equals(key)), mesh::state);
    awaitEventsUpToNow();
    assertNotEquals(key, keyOf("node-b", "status"));
    assertEquals(key, mesh.keyOfPeer(0, "node-b"), "the former key, which is accepted, is back");
    assertConnected();
    mesh.pauseRegistrar(false);
    long resumed = System.nanoTime();
    assertTrue(
        Waiting.until(Mesh.PATIENCE, () -> keyOf("node-b", "status").equals(key)), mesh::state);
    Figure.seconds("acceptance of a key that a backup does not know", resumed);
    assertConnected();
    assertHeld(0, "node-c");
    restart(0);
    assertConnected();
    assertHeld(0, "node-c");
    assertEquals(List.of("node-b", "node-c"), mesh.peers(0));
    assertEquals(key, mesh.keyOfPeer(0, "node-b"));
    assertHeld(1, "node-c");
    mesh.cluster.culvert(1, "nodes", "accept", "--held").orThrow();
    assertTrue(
        Waiting.until(Mesh.PATIENCE, () -> mesh.peers(1).equals(List.of("node-a"))), mesh::state);
    assertNull(mesh.controlPlane(1).held(), "an administrator answers for this gateway");
    assertConnected();
  }

  /** Waits until the gateway of node-a has been told all changes of CulvertNodes so far. */
  private void awaitEventsUpToNow() {
    long began = Instant.now().getEpochSecond();
    assertTrue(
        Waiting.until(
            Mesh.PATIENCE,
            () -> {
              String now = Instant.now().toString();
              mesh.plane
                  .admin()
                  .patch(CulvertNodes.PATH + "/node-a", CulvertNodes.annotation("test/now", now))
                  .orThrow();
              Long heard = mesh.controlPlane(0).lastSyncTimestampSeconds();
              return heard != null && heard > began;
            }),
        mesh::state);
  }

  /** A node without a gateway. */
  private void joinWithoutGateway() {
    TestControlPlane.Worker worker = mesh.join(2, "node-c");
    String claim = worker.claim(CulvertNodes.KEY).replace("192.0.2.1:", "192.0.2.3:");
    worker.daemon().create(CulvertNodes.PATH, claim).orThrow();
  }

  /** The key in a part of a CulvertNode. */
  private String keyOf(String node, String part) {
    return mesh.plane
        .admin()
        .get(CulvertNodes.PATH + "/" + node)
        .body()
        .at("/" + part + "/publicKey")
        .asText();
  }

  /** Goes on from the test before. */
  @Test
  @Order(5)
  @Tag("soak")
  void aNodeThatJoinedAfterTheBackupIsAPeerUntilItIsAcceptedAgain() {
    joinWithoutGateway();
    assertTrue(
        Waiting.until(
            Duration.ofMinutes(8),
            () -> {
              assertTrue(mesh.peers(0).contains("node-c"), mesh::state);
              return keyOf("node-c", "status").equals(CulvertNodes.KEY);
            }),
        mesh::state);
    assertNothingHeld();
    assertTrue(mesh.peers(0).contains("node-c"), mesh::state);
  }
}
