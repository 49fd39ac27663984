// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.kubernetes.ClusterObjects;
import dev.culvert.lab.kubernetes.ControlPlane;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * The chart is installed, upgraded and deleted by helm on a real API server, whose controllers make
 * the Pods. They run as a container runtime runs them ({@link ContainerCommand}), on two nodes
 * whose pods would reach each other in clear. A pod sends a marker to the other node all the time,
 * and a capture of the underlay looks for it.
 */
@Tag("integration")
@Tag("kubernetes")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class ChartOnServerTest {
  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final String MARKER = "never-in-clear-0";
  private static final String SENDER =
      """
      import socket, sys, time
      k = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      while True:
        try:
          k.sendto(sys.argv[2].encode(), (sys.argv[1], 7))
        except OSError:
          pass  # the guard refuses it
        time.sleep(0.02)
      """;

  @TempDir private static Path folder;
  private static TestCluster cluster;
  private static ControlPlane plane;
  private static Kubelets kubelets;
  private static @Nullable Daemon sender;
  private static @Nullable Capture capture;
  private static String chart = "";

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    Requirements.tool("setpriv");
    MeshForm form = new MeshForm(Families.V4, 2, List.of(0), List.of(0), true);
    cluster = new TestCluster(LabEngine.WIREGUARD, form.nodes());
    for (LabSite site : cluster.network.sites()) {
      form.families().leaveAlone(site.node());
      form.families().leaveAlone(site.pod());
    }
    plane =
        ControlPlane.start(
            Requirements.kubernetes(),
            folder.resolve("plane"),
            form.etcdPlaces(cluster),
            form.apiPlaces(cluster));
    plane.startControllers(
        "daemonset-controller", "deployment-controller", "replicaset-controller", "job-controller");
    ClusterObjects objects = new ClusterObjects(plane.admin());
    Map<String, String> master = Map.of("node-role.kubernetes.io/control-plane", "");
    for (LabSite site : cluster.network.sites()) {
      objects.addNode(
          site.nodeName(),
          site.number() == 1 ? master : Map.of(),
          form.families().podCidrs(site),
          form.families().ofNode(site));
    }
    plane.kubectl("create", "namespace", ClusterObjects.NAMESPACE).orThrow();
    kubelets =
        new Kubelets(
            plane,
            Map.of(
                site(0).nodeName(), site(0).node(),
                site(1).nodeName(), site(1).node()),
            folder);
    chart =
        Commands.run(Culvert.launcher("bin/chart-build").toString(), "--out", folder.toString())
            .out()
            .strip();
    Files.writeString(
        folder.resolve("values.yaml"),
        """
        clusterCIDRs: [%s]
        nodeCIDRs: [%s]
        controlPlane: [%s]
        registrar: {replicas: 1, serviceCIDRs: [10.96.0.0/16]}
        """
            .formatted(
                String.join(", ", form.clusterCidrs()),
                String.join(", ", form.nodeCidrs()),
                form.apiAddress(site(0))));
  }

  @AfterAll
  static void stop() {
    for (AutoCloseable part : new AutoCloseable[] {sender, capture, kubelets, plane, cluster}) {
      close(part);
    }
  }

  @AfterEach
  void letAllKubeletsWork() {
    kubelets.hold(false);
    kubelets.away("");
  }

  private static void close(@Nullable AutoCloseable part) {
    if (part != null) {
      try {
        part.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static LabSite site(int i) {
    return cluster.site(i);
  }

  private static Commands.Result helm(String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.addAll(List.of("--namespace", "culvert", "--timeout", "210s"));
    return plane.helm(PATIENCE, command.toArray(String[]::new));
  }

  private static void install(String... more) {
    List<String> command =
        new ArrayList<>(List.of("upgrade", "--install", "culvert", chart, "--wait", "--values"));
    command.add(folder.resolve("values.yaml").toString());
    command.addAll(List.of(more));
    Commands.Result result = helm(command.toArray(String[]::new));
    assertTrue(result.succeeded(), () -> result.err() + state());
  }

  private static boolean guarded(int i) {
    return site(i).node().attempt("nft", "list", "table", "inet", "culvert").succeeded();
  }

  private static boolean pings() {
    return TestCluster.pings(site(0).pod(), site(1).podAddress());
  }

  private static void assertConnected() {
    assertTrue(
        Waiting.until(
            Mesh.PATIENCE, () -> pings() && TestCluster.pings(site(1).pod(), site(0).podAddress())),
        ChartOnServerTest::state);
  }

  private static String state() {
    return "\n"
        + kubelets.output()
        + plane.kubectl("get", "-n", "culvert", "all", "-o", "wide").out()
        + plane.kubectl("get", "culvertnodes", "-o", "yaml").out();
  }

  private static String objects(String kinds) {
    return plane
        .kubectl(
            "get",
            kinds,
            "--all-namespaces",
            "-o",
            "name",
            "-l",
            "app.kubernetes.io/managed-by=Helm")
        .orThrow()
        .out();
  }

  @Test
  @Order(1)
  void theChartsNodesEncryptWithTwoCapabilitiesAndAReadOnlyRoot() {
    assertTrue(pings(), "the control: without a gateway pods reach each other");
    install();
    assertConnected();
    assertTrue(guarded(0) && guarded(1));
    capture = cluster.provenCapture(MARKER);
    sender = site(0).pod().start("python3", "-c", SENDER, site(1).podAddress(), MARKER);
    assertTrue(objects("daemonsets,deployments").contains("daemonset.apps/culvert"));
  }

  @Test
  @Order(2)
  void aPodThatIsDeletedLeavesTheGuard() {
    kubelets.hold(true);
    plane.kubectl("-n", "culvert", "delete", "pods", "-l", "app=culvert", "--wait=false").orThrow();
    plane
        .kubectl("-n", "culvert", "delete", "pods", "-l", "app=culvert-registrar", "--wait=false")
        .orThrow();
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> !kubelets.anyRuns()), ChartOnServerTest::state);
    assertTrue(guarded(0) && guarded(1));
    assertFalse(pings());
    kubelets.hold(false);
    assertConnected();
  }

  @Test
  @Order(3)
  void anUpgradeLeavesTheGuard() {
    install("--set", "log.format=json");
    assertConnected();
    assertTrue(kubelets.output().contains("\"event\""), ChartOnServerTest::state);
  }

  @Test
  @Order(4)
  void aDeletionWithoutHooksLeavesTheGuard() {
    helm("uninstall", "culvert", "--no-hooks").orThrow();
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> !kubelets.anyRuns()), ChartOnServerTest::state);
    assertTrue(guarded(0) && guarded(1));
    assertFalse(pings());
    install();
    assertConnected();
  }

  @Test
  @Order(5)
  void nothingWasInClearSoFar() {
    Daemon sending = Objects.requireNonNull(sender);
    assertTrue(sending.isAlive(), sending::output);
    Capture sinceThen = Objects.requireNonNull(capture);
    sinceThen.stop();
    assertEquals(0, sinceThen.seen(MARKER));
  }

  @Test
  @Order(6)
  void aNodeThatDoesNotFollowKeepsItsGuardAndIsNamedAndThereIsAWayBack() {
    install("--set", "uninstall.timeoutSeconds=10");
    String revision =
        plane
            .kubectl("-n", "culvert", "get", "secrets", "-l", "owner=helm,status=deployed")
            .orThrow()
            .out()
            .replaceAll("(?s).*sh\\.helm\\.release\\.v1\\.culvert\\.v([0-9]+) .*", "$1");
    kubelets.away(site(1).nodeName());
    assertFalse(helm("uninstall", "culvert").succeeded());
    assertTrue(
        kubelets.output().contains("may still stand on: node-b. All other nodes send in clear"),
        ChartOnServerTest::state);
    assertFalse(guarded(0), ChartOnServerTest::state);
    assertTrue(guarded(1), ChartOnServerTest::state);
    assertFalse(pings());
    kubelets.away("");
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> !guarded(1)), ChartOnServerTest::state);
    helm("rollback", "culvert", revision, "--force-conflicts", "--wait").orThrow();
    assertTrue(guarded(0) && guarded(1), ChartOnServerTest::state);
    assertConnected();
  }

  @Test
  @Order(7)
  void aDeletionLiftsTheGuardOnEveryNode() {
    Commands.Result result = helm("uninstall", "culvert");
    assertTrue(result.succeeded(), () -> result.err() + result.out() + state());
    assertFalse(guarded(0) || guarded(1), ChartOnServerTest::state);
    assertTrue(pings(), "in clear, as before the installation");
    try (Capture after = cluster.provenCapture(MARKER)) {
      assertTrue(
          Waiting.until(Commands.PATIENCE, () -> after.seen(MARKER) > 0),
          "the capture would have seen the marker before, too");
    }
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> !kubelets.anyRuns()), ChartOnServerTest::state);
    assertFalse(guarded(0) || guarded(1), "the pods that lifted it load none");
    assertEquals(
        "",
        objects(
            "daemonsets,deployments,jobs,serviceaccounts,roles,rolebindings,clusterroles,"
                + "clusterrolebindings,validatingadmissionpolicies"));
    assertTrue(plane.kubectl("get", "crd", "culvertnodes.culvert.dev").succeeded(), "kinds stay");
  }
}
