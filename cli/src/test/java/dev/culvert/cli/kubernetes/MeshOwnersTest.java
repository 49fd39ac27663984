// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Each packet gets to the owner of its address or nowhere, though nodes have each other's keys,
 * names, addresses and ranges, and pods move: looked for in clear on the nodes that are not the
 * owner. One mesh goes through all of it.
 */
@Tag("integration")
@Tag("kubernetes")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class MeshOwnersTest extends SharedMesh {
  private static final int MANY = 500;

  @BeforeAll
  static void start() throws IOException {
    Mesh mesh = share(MeshForm.APART);
    mesh.plane.startControllers();
    mesh.allowPods();
    mesh.join(0, "node-a");
    mesh.join(1, "node-b");
    mesh.addPodOf(0, "node-a");
    mesh.addPodOf(1, "node-b");
    mesh.start(0, "node-a", Mesh.RANGES_OF_PODS);
    mesh.start(1, "node-b", Mesh.RANGES_OF_PODS);
    assertTrue(mesh.connected(0, 1), mesh::state);
  }

  private Arrivals arrivals(int site, String... texts) {
    return new Arrivals(site(site).node(), site(site).pod(), site(site).wireAddress(), texts);
  }

  /** Waits until the gateway at a site is rejected for a reason that names both nodes. */
  private void awaitRejection(int site, String reason, String one, String other) {
    assertTrue(
        mesh.becomes(
            site,
            plane ->
                "Rejected".equals(plane.phase())
                    && plane.reasons().stream()
                        .anyMatch(r -> r.contains(reason) && r.contains(one) && r.contains(other))),
        mesh::state);
  }

  @Test
  @Order(1)
  void aNodeWithTheKeyOfAnotherOneIsRejectedAndGetsNothingOfIt() throws IOException {
    String text = "only-for-pod-b-0";
    mesh.join(2, "node-c");
    Files.createDirectories(Objects.requireNonNull(mesh.keyFile(2).getParent()));
    Files.copy(mesh.keyFile(1), mesh.keyFile(2));
    try (Arrivals owner = arrivals(1, text);
        Arrivals other = arrivals(2, text);
        Daemon sender = Arrivals.send(site(0).pod(), site(1).podAddress(), text)) {
      assertTrue(owner.await(MANY, text), mesh::state);
      mesh.start(2, "node-c", Mesh.RANGES_OF_PODS);
      awaitRejection(2, "KeyConflict", "node-c", "node-b");
      // It speaks to the others with that key, as the owner would.
      try (Daemon thief = Arrivals.send(site(2).pod(), site(0).podAddress(), "of-the-copy-0000")) {
        assertTrue(owner.await(5 * MANY, text), mesh::state);
        assertTrue(thief.isAlive() && sender.isAlive());
      }
      assertEquals(List.of(), other.of(text));
    }
  }

  @Test
  @Order(2)
  void aNodeThatClaimsTheRangeOfAnotherOneIsRejectedAndGetsNothingOfIt() {
    String text = "only-for-pod-b-1";
    String own = "for-pod-c-000000";
    mesh.kill(2);
    mesh.forget(2, "*");
    mesh.addPodOf(2, "node-c");
    mesh.addPod("second", "node-c", List.of(site(1).podAddress()));
    try (Arrivals owner = arrivals(1, text);
        Arrivals other = arrivals(2, text, own);
        Daemon sender = Arrivals.send(site(0).pod(), site(1).podAddress(), text);
        Daemon second = Arrivals.send(site(0).pod(), site(2).podAddress(), own)) {
      mesh.start(2, "node-c", Mesh.RANGES_OF_PODS);
      awaitRejection(2, "RangeConflict", "node-c", "node-b");
      assertTrue(owner.await(MANY, text), mesh::state);
      assertEquals(List.of(), other.of(own), "a rejected node gets nothing");
      mesh.deletePod("second");
      assertTrue(other.await(MANY, own), mesh::state);
      assertTrue(owner.await(MANY, text), mesh::state);
      assertEquals(List.of(), other.of(text));
      assertTrue(second.isAlive() && sender.isAlive());
    }
  }

  @Test
  @Order(3)
  void thePacketsOfAPodThatMovesGetToItsOldNodeThenToItsNewOneAndNeverBack() {
    List<String> texts = List.of("moving-pod-of-v4", "moving-pod-of-v6");
    MovingPod pod = new MovingPod(mesh, 1, "node-b");
    try (Daemon v4 = Arrivals.send(site(0).pod(), MovingPod.ADDRESS, texts.get(0));
        Daemon v6 = Arrivals.send(site(0).pod(), MovingPod.ADDRESS_V6, texts.get(1))) {
      for (int round = 0; round < 2; round++) {
        int from = pod.site();
        int to = from == 1 ? 2 : 1;
        try (Arrivals before = arrivals(from, texts.toArray(String[]::new));
            Arrivals after = arrivals(to, texts.toArray(String[]::new))) {
          for (String text : texts) {
            assertTrue(before.await(MANY, text), mesh::state);
            assertEquals(List.of(), after.of(text));
          }
          long began = System.nanoTime();
          pod.moveTo(to, to == 1 ? "node-b" : "node-c");
          assertTrue(after.await(1, texts.getFirst()), mesh::state);
          Figure.seconds("move of a pod to its first packet at the new node", began);
          for (String text : texts) {
            assertTrue(after.await(MANY, text), mesh::state);
            long last = Collections.max(before.of(text));
            long first = Collections.min(after.of(text));
            assertTrue(last < first, text + ": " + last + " at the old node, " + first);
          }
        }
      }
      assertTrue(v4.isAlive() && v6.isAlive());
    }
  }

  @Test
  @Order(4)
  void aDeletedNodeWhoseGatewayRunsOnNeitherGetsNorSendsAnything() {
    String to = "to-deleted-pod-0";
    String from = "of-deleted-pod-0";
    String toLater = "to-deleted-pod-1";
    String fromLater = "of-deleted-pod-1";
    String alive = "between-a-and-b0";
    try (Arrivals atC = arrivals(2, to, toLater);
        Arrivals atA = arrivals(0, from, fromLater);
        Arrivals atB = arrivals(1, alive)) {
      try (Daemon there = Arrivals.send(site(0).pod(), site(2).podAddress(), to);
          Daemon back = Arrivals.send(site(2).pod(), site(0).podAddress(), from)) {
        assertTrue(atC.await(MANY, to) && atA.await(MANY, from), mesh::state);
        mesh.deleteNode("node-c");
        assertTrue(
            Waiting.until(Mesh.PATIENCE, () -> !mesh.peers(0).contains("node-c")), mesh::state);
        assertTrue(there.isAlive() && back.isAlive());
      }
      try (Daemon there = Arrivals.send(site(0).pod(), site(2).podAddress(), toLater);
          Daemon back = Arrivals.send(site(2).pod(), site(0).podAddress(), fromLater);
          Daemon others = Arrivals.send(site(0).pod(), site(1).podAddress(), alive)) {
        assertTrue(atB.await(2 * MANY, alive), mesh::state);
        assertTrue(there.isAlive() && back.isAlive() && others.isAlive());
      }
      assertEquals(List.of(), atC.of(toLater));
      assertEquals(List.of(), atA.of(fromLater));
    }
  }

  @Test
  @Order(5)
  void aNodeReplacedUnderTheSameNameGetsAllAndTheOldMachineNothing() {
    String text = "for-the-new-c-00";
    String old = "of-the-old-c-000";
    // Another machine becomes node-c, with the addresses that node-b had until now.
    mesh.stop(1);
    mesh.deleteNode("node-b");
    mesh.deletePod("pod-b");
    mesh.deletePod("pod-c");
    mesh.forget(1, "*");
    mesh.joinAnew(1, "node-c");
    mesh.addPodOf(1, "node-c");
    try (Arrivals atNew = arrivals(1, text);
        Arrivals atOld = arrivals(2, text);
        Arrivals atA = arrivals(0, old);
        Daemon sender = Arrivals.send(site(0).pod(), site(1).podAddress(), text);
        Daemon stranger = Arrivals.send(site(2).pod(), site(0).podAddress(), old)) {
      mesh.start(1, "node-c", Mesh.RANGES_OF_PODS);
      assertTrue(atNew.await(MANY, text), mesh::state);
      assertEquals(List.of("node-c"), mesh.peers(0));
      assertEquals(List.of(), atOld.of(text));
      assertEquals(List.of(), atA.of(old));
      assertFalse(TestCluster.pings(site(2).pod(), site(0).podAddress()));
      assertTrue(sender.isAlive() && stranger.isAlive());
    }
  }
}
