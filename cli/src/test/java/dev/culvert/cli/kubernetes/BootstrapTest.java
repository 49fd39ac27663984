// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The control plane is reached by nodes that cannot encrypt yet: its nodes lose power all at once,
 * and with it their keys and all that they knew of the cluster, while the API has their old keys
 * still.
 */
@Tag("integration")
@Tag("kubernetes")
final class BootstrapTest {
  private static final String MARKER = "never-in-clear-0";
  private static final String UNGUARDED = "before-the-guard";

  private enum Form {
    ONE_NODE_WITH_IPV4,
    ETCD_ELSEWHERE_WITH_IPV6,
    THREE_NODES_WITH_BOTH;

    MeshForm mesh() {
      return switch (this) {
        case ONE_NODE_WITH_IPV4 -> new MeshForm(Families.V4, 2, List.of(0), List.of(0), false);
        case ETCD_ELSEWHERE_WITH_IPV6 -> new MeshForm(Families.V6, 3, List.of(1), List.of(0), true);
        case THREE_NODES_WITH_BOTH ->
            new MeshForm(Families.BOTH, 3, List.of(0, 1, 2), List.of(0, 1, 2), false);
      };
    }
  }

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  private static String name(Mesh mesh, int site) {
    return mesh.cluster.site(site).nodeName();
  }

  private static void figure(Form form, String name, long since) {
    Figure.seconds(form + ": " + name, since);
  }

  @ParameterizedTest
  @EnumSource(Form.class)
  void aControlPlaneThatLostAllItsKeysBootsAndTheMeshRecovers(Form form, @TempDir Path folder)
      throws IOException {
    try (Mesh mesh = new Mesh(folder, form.mesh())) {
      for (LabSite site : mesh.cluster.network.sites()) {
        mesh.join(site.number() - 1, site.nodeName());
      }
      sideBySide(
          mesh.cluster.network.sites().stream().map(site -> site.number() - 1).toList(),
          site -> mesh.start(site, name(mesh, site)));
      assertTrue(mesh.allConnected(), mesh::state);
      if (form.mesh().apiServers().size() > 1) {
        anotherApiServerTakesOver(form, mesh);
      }
      List<String> keys = keys(mesh);
      losePower(mesh);
      try (Capture capture =
          Capture.start(
              mesh.cluster.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER, UNGUARDED))) {
        capture.prove(UNGUARDED, () -> mesh.send(0, UNGUARDED));
        boot(form, mesh);
        staleKeysStayUntilAnAdministratorAcceptsTheNewOnes(form, mesh, keys);
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
    }
  }

  private static void sideBySide(List<Integer> sites, IntConsumer step) {
    SideBySide.run(sites.stream().map(site -> step(step, site)).toArray(Runnable[]::new));
  }

  private static Runnable step(IntConsumer step, int site) {
    return () -> step.accept(site);
  }

  private static List<String> keys(Mesh mesh) {
    return mesh.form.controlPlane().stream().map(site -> mesh.status(site).publicKey()).toList();
  }

  private static void losePower(Mesh mesh) {
    mesh.plane.stop();
    sideBySide(mesh.form.controlPlane(), mesh::loseAll);
  }

  /** Gateways come first, as the rule is; then etcd, whose members need each other, and the API. */
  private static void boot(Form form, Mesh mesh) {
    long began = System.nanoTime();
    sideBySide(
        mesh.form.controlPlane(),
        site -> {
          mesh.start(site, name(mesh, site));
          mesh.send(site, MARKER);
        });
    mesh.plane.start();
    figure(form, "boot to an API server that is ready", began);
    for (LabSite site : mesh.cluster.network.sites()) {
      assertTrue(
          mesh.becomes(site.number() - 1, plane -> plane.synced() && plane.error() == null),
          mesh::state);
    }
  }

  private static void staleKeysStayUntilAnAdministratorAcceptsTheNewOnes(
      Form form, Mesh mesh, List<String> before) {
    List<Integer> controlPlane = mesh.form.controlPlane();
    for (int site : controlPlane) {
      assertTrue(
          mesh.becomes(
              site, plane -> plane.reasons().stream().anyMatch(r -> r.contains("KeyChanged"))),
          mesh::state);
      mesh.send(site, MARKER);
    }
    for (int i = 0; i < controlPlane.size(); i++) {
      int site = controlPlane.get(i);
      JsonNode published = published(mesh, name(mesh, site));
      assertEquals(before.get(i), published.at("/status/publicKey").asText());
      assertEquals(mesh.status(site).publicKey(), published.at("/spec/publicKey").asText());
      assertNotEquals(before.get(i), mesh.status(site).publicKey());
      LabSite other = mesh.cluster.site(site == 0 ? 1 : 0);
      assertFalse(mesh.pings(other, mesh.cluster.site(site)), "the old key is in force");
    }
    sideBySide(controlPlane, site -> mesh.accept(name(mesh, site)));
    long accepted = System.nanoTime();
    assertTrue(
        sending(mesh, () -> mesh.pings(mesh.cluster.site(0), mesh.cluster.site(1)))
            && mesh.allConnected(),
        mesh::state);
    figure(form, "acceptance of the new keys to all pings", accepted);
  }

  private static boolean sending(Mesh mesh, BooleanSupplier condition) {
    return Waiting.until(
        Mesh.PATIENCE,
        () -> {
          mesh.form.controlPlane().forEach(site -> mesh.send(site, MARKER));
          return condition.getAsBoolean();
        });
  }

  private static JsonNode published(Mesh mesh, String node) {
    return mesh.plane.admin().get("/apis/culvert.dev/v1alpha1/culvertnodes/" + node).orThrow();
  }

  /**
   * The API server that all gateways use dies, with its etcd. A change that one of them publishes
   * is judged by a registrar and reaches the others.
   */
  private static void anotherApiServerTakesOver(Form form, Mesh mesh) {
    for (LabSite site : mesh.cluster.network.sites()) {
      assertTrue(uses(mesh, site, 0), () -> site + " does not use the first API server");
    }
    mesh.plane.apiServer(0).kill();
    mesh.plane.etcd(0).kill();
    long died = System.nanoTime();
    int last = mesh.form.nodes() - 1;
    String before = mesh.status(last).publicKey();
    mesh.kill(last);
    mesh.retireKey(last);
    mesh.start(last, name(mesh, last));
    assertTrue(mesh.becomes(last, plane -> "Accepted".equals(plane.phase())), mesh::state);
    assertNotEquals(before, mesh.status(last).publicKey());
    assertTrue(mesh.allConnected(), mesh::state);
    for (LabSite site : mesh.cluster.network.sites()) {
      assertTrue(mesh.becomes(site.number() - 1, plane -> plane.error() == null), mesh::state);
    }
    figure(form, "death of an API server to all pings with a key published since", died);
  }

  private static boolean uses(Mesh mesh, LabSite site, int apiServer) {
    String address = mesh.form.apiAddress(mesh.cluster.site(apiServer));
    return !site.node()
        .run("ss", "-Htn", "state", "established", "dst", "[" + address + "]:6443")
        .out()
        .isBlank();
  }
}
