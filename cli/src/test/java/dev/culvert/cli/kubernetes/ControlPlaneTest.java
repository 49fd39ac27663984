// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.kubernetes.Place;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Waiting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The control plane of the tests itself: its loss, its return, and an older state of it. */
@Tag("integration")
@Tag("kubernetes")
final class ControlPlaneTest {
  @TempDir Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void threeNodesSurviveTheLossOfOneAndAreRestoredFromABackup() {
    Path state = folder.resolve("plane");
    try (Namespaces namespaces = Namespaces.ofThisProcess("plane")) {
      Namespace nodes = namespaces.create("nodes");
      List<Place> places = places(nodes);
      try (ControlPlane plane =
          ControlPlane.start(Requirements.kubernetes(), state, places, places.subList(0, 2))) {
        ClusterObjects objects = new ClusterObjects(plane.admin());
        String uid = objects.addNode("kept", Map.of(), List.of(), List.of());
        plane.backUp();
        objects.addNode("later", Map.of(), List.of(), List.of());

        plane.etcd(0).kill();
        plane.apiServer(0).kill();
        assertFalse(plane.apiServer(0).isAlive());
        assertTrue(
            Waiting.until(Commands.PATIENCE, () -> has(plane, places.get(1), "later")),
            "the second API server has two of three etcds");
        assertEquals(0, plane.admin().get("/readyz").code(), "the first is away");

        plane.start();
        assertTrue(has(plane, places.get(0), "later"), "the state stays over a restart");

        plane.restore();
        assertFalse(has(plane, places.get(1), "later"), "it was made after the backup");
        assertEquals(
            uid, plane.admin().get("/api/v1/nodes/kept").orThrow().at("/metadata/uid").asText());
      }
      assertFalse(Files.exists(state), "keys and state are deleted");
      assertEquals(List.of(), nodes.pids(), "its programs have ended");
    }
  }

  private static boolean has(ControlPlane plane, Place at, String node) {
    return plane.admin(at).get("/api/v1/nodes/" + node).succeeded();
  }

  /** Three nodes in one namespace, each with an address. */
  private static List<Place> places(Namespace namespace) {
    List<Place> places = new ArrayList<>();
    for (int i = 1; i <= 3; i++) {
      String address = "10.97.0." + i;
      namespace.address("lo", address + "/32");
      places.add(Place.in(namespace, "cp-" + i, address));
    }
    return places;
  }
}
