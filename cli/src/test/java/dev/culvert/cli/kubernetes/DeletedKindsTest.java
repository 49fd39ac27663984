// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The CRDs are deleted, which deletes all of their objects one by one, past all rules about that:
 * the gateways keep the nodes and the policy, say so, and go on when the CRDs are back. One mesh of
 * three gateways goes through all of it.
 */
@Tag("integration")
@Tag("kubernetes")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class DeletedKindsTest extends SharedMesh {
  private static final List<String> NAMES = List.of("node-a", "node-b", "node-c");

  @BeforeAll
  static void start() throws IOException {
    Mesh mesh = share(MeshForm.APART);
    for (int i = 0; i < NAMES.size(); i++) {
      mesh.join(i, NAMES.get(i));
      mesh.start(i, NAMES.get(i));
    }
    assertTrue(mesh.allConnected(), mesh::state);
  }

  private boolean allBecome(Predicate<ControlPlaneView> state) {
    return IntStream.range(0, NAMES.size()).allMatch(site -> mesh.becomes(site, state));
  }

  private static boolean holds(ControlPlaneView plane, String text) {
    return String.valueOf(plane.held()).contains(text);
  }

  @Test
  @Order(1)
  void thePolicyStaysInForceWithoutItsCrdAndThroughARestart() {
    mesh.plane
        .admin()
        .create(
            "/apis/culvert.dev/v1alpha1/culvertpolicies",
            """
            {"apiVersion": "culvert.dev/v1alpha1", "kind": "CulvertPolicy",
             "metadata": {"name": "default"}, "spec": {"clusterCIDRs": ["203.0.113.0/24"]}}
            """)
        .orThrow();
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> isInCluster(0)), mesh::state);
    mesh.plane.kubectl("delete", "crd", "culvertpolicies.culvert.dev").orThrow();
    assertTrue(allBecome(plane -> holds(plane, "CulvertPolicy")), mesh::state);
    mesh.kill(0);
    mesh.start(0, "node-a");
    assertTrue(allBecome(plane -> holds(plane, "CulvertPolicy")), mesh::state);
    assertTrue(isInCluster(0), mesh::state);
  }

  /** Whether the range that the policy alone names counts as the cluster's. */
  private boolean isInCluster(int site) {
    String explained =
        mesh.cluster
            .culvert(
                site,
                "routes",
                mesh.cluster.site(site).interfaceName(),
                "--explain",
                mesh.cluster.site(site).podAddress(),
                "203.0.113.9")
            .out();
    return explained.contains("drop");
  }

  @Test
  @Order(2)
  void theNodesStayWithoutTheirCrd() {
    mesh.plane.kubectl("delete", "crd", "culvertnodes.culvert.dev").orThrow();
    assertTrue(allBecome(plane -> holds(plane, "CulvertNode") && plane.nodes() == 3), mesh::state);
    for (int site = 0; site < NAMES.size(); site++) {
      assertTrue(
          Objects.requireNonNull(mesh.controlPlane(site).error())
              .contains("does not have this kind"),
          mesh::state);
    }
  }

  @Test
  @Order(3)
  void allGoesOnWithCrdsThatAreMadeAnew() {
    String crds = Culvert.launcher("cluster/src/main/dist/kubernetes/crds.yaml").toString();
    mesh.plane.kubectl("apply", "-f", crds).orThrow();
    assertTrue(mesh.allConnected(), mesh::state);
    assertTrue(
        allBecome(plane -> plane.nodes() == 3 && plane.error() == null && !holds(plane, "Node")),
        mesh::state);
    assertTrue(allBecome(plane -> holds(plane, "CulvertPolicy")), mesh::state);
  }
}
