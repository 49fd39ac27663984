// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
import java.util.stream.Stream;
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

  /** The hook of the deletion, as a helm that asks the server renders it; it changes nothing. */
  private static Map<String, Yaml> hook(String... sets) {
    List<String> command = new ArrayList<>(List.of("template", "culvert", chart));
    command.addAll(List.of("--dry-run=server", "--show-only=templates/uninstall.yaml"));
    command.add("--values=" + Culvert.launcher("ops/helm/culvert/ci/sample.yaml"));
    Stream.of(sets).map(set -> "--set=" + set).forEach(command::add);
    return withoutHooks(helm(command.toArray(String[]::new)).orThrow().out());
  }

  private static Map<String, Yaml> withoutHooks(String text) {
    Map<String, Yaml> objects = ChartTest.byName(Yaml.all(text));
    objects.values().forEach(Yaml::withoutHooks);
    return objects;
  }

  @Test
  @Order(2)
  void theHookOfTheDeletionIsStoredAndIsTheSampleForKubectl() throws IOException {
    Map<String, Yaml> stored =
        withoutHooks(
            plane.helm(PATIENCE, "get", "hooks", "culvert", "--namespace=culvert").orThrow().out());
    Path sample = Culvert.launcher("cluster/src/main/dist/kubernetes/uninstall.yaml");
    Map<String, Yaml> objects = ChartTest.byName(Yaml.all(Files.readString(sample)));
    Map<String, Yaml> hook = hook();
    assertEquals(objects.keySet(), stored.keySet());
    assertEquals(objects.keySet(), hook.keySet());
    objects.forEach(
        (name, object) -> assertEquals(object.value(), ChartTest.object(hook, name).value(), name));
  }

  @Test
  @Order(2)
  void theHookEndsBeforeItsDeadlineAndLiftsTheGuardOfAllSets() {
    Map<String, Yaml> hook = hook("registrar.mode=embedded", "uninstall.timeoutSeconds=30");
    Yaml job = ChartTest.object(hook, "Job culvert-uninstall");
    ChartTest.assertModest("the hook", job, false);
    assertEquals(
        List.of("nodes", "down", "--timeout=30", "culvert", "culvert-control-plane"),
        ChartTest.container(job).value("args"));
    assertEquals("90", job.at("spec").text("activeDeadlineSeconds"));
    Commands.Result without =
        helm(
            "template",
            "culvert",
            chart,
            "--dry-run=server",
            "--values=" + folder.resolve("values.yaml"),
            "--set=uninstall.liftGuard=false");
    assertFalse(without.orThrow().out().contains("helm.sh/hook"), without::out);
  }

  private static void startPodsAnew() {
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
  @Order(2)
  void aPodThatIsDeletedLeavesTheGuard() {
    startPodsAnew();
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
    install("--set", "uninstall.timeoutSeconds=40");
    String gateways = daemonSet();
    String revision =
        plane
            .kubectl("-n", "culvert", "get", "secrets", "-l", "owner=helm,status=deployed")
            .orThrow()
            .out()
            .replaceAll("(?s).*sh\\.helm\\.release\\.v1\\.culvert\\.v([0-9]+) .*", "$1");
    kubelets.away(site(1).nodeName());
    assertFalse(helm("uninstall", "culvert").succeeded());
    assertEquals("", hookAccounts(), "its rights are gone");
    assertTrue(
        kubelets.output().contains("may still stand on: node-b. All other nodes send in clear"),
        ChartOnServerTest::state);
    assertFalse(guarded(0), ChartOnServerTest::state);
    assertTrue(guarded(1), ChartOnServerTest::state);
    assertFalse(pings());
    kubelets.away("");
    assertTrue(Waiting.until(Mesh.PATIENCE, () -> !guarded(1)), ChartOnServerTest::state);
    assertNotEquals(gateways, daemonSet());
    helm("rollback", "culvert", revision, "--force-conflicts", "--wait").orThrow();
    assertEquals(gateways, daemonSet(), "no trace of the lift is left");
    assertTrue(guarded(0) && guarded(1), ChartOnServerTest::state);
    assertConnected();
  }

  private static String daemonSet() {
    return plane
        .kubectl("-n", "culvert", "get", "daemonset", "culvert", "-o", "jsonpath={.spec}")
        .orThrow()
        .out();
  }

  private static String hookAccounts() {
    return plane
        .kubectl(
            "-n",
            "culvert",
            "get",
            "serviceaccounts,roles,rolebindings",
            "--field-selector=metadata.name=culvert-uninstall",
            "-o",
            "name")
        .orThrow()
        .out();
  }

  @Test
  @Order(7)
  void aPodThatIsDeletedAfterTheWayBackLeavesTheGuard() {
    try (Capture since = cluster.provenCapture(MARKER)) {
      startPodsAnew();
      since.stop();
      assertEquals(0, since.seen(MARKER));
    }
    assertTrue(Objects.requireNonNull(sender).isAlive());
    install();
  }

  @Test
  @Order(8)
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
