// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.command.show.ClusterChecks;
import dev.culvert.cli.command.show.Finding;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.AccessReview;
import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.resource.SelfReview;
import dev.culvert.cluster.resource.ServerVersion;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.testing.FakeCluster;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The commands about a cluster show its nodes and faults, and write nothing but annotations. */
final class KubernetesCommandsTest {
  private static final String OLD = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String NEW = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  private final FakeCluster cluster = new FakeCluster();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;
  private Machine machine;

  @BeforeEach
  void prepare() {
    machine =
        FakeMachine.in(directory, new FakeTunnels(), new FakeNetwork(), host -> List.of(), cluster);
  }

  private int run(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return RootCommand.commandLine(machine, false)
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(arguments);
  }

  private static Metadata metadata(String name, @Nullable String created) {
    return new Metadata(name, null, "uid", "1", 1, created, null, Map.of(), Map.of(), List.of());
  }

  private void node(String name, CulvertNode.@Nullable Status status) {
    cluster.has(
        ResourceKind.CULVERT_NODES,
        name,
        new CulvertNode(
            metadata(name, null),
            new CulvertNode.Spec("uid", "wireguard", NEW, null, List.of(), null),
            status));
  }

  private static CulvertNode.Status accepted(Condition... conditions) {
    return new CulvertNode.Status(
        Phase.ACCEPTED,
        "wireguard",
        OLD,
        null,
        List.of("192.0.2.2:51820"),
        List.of("10.42.2.0/24"),
        List.of("192.0.2.2"),
        List.of(),
        Map.of(),
        List.of(conditions));
  }

  @Test
  void nodesShowsPhaseKeyRangesAndReasons() {
    node("b", accepted(new Condition("KeyAccepted", "False", "KeyChanged", "no proof", null, 1L)));
    node("c", null);
    assertEquals(0, run("nodes", "--kubeconfig", "admin.conf"), err::toString);
    List<String> lines = out.toString().lines().toList();
    assertEquals(3, lines.size(), out::toString);
    assertTrue(lines.get(1).startsWith("b     Accepted  wireguard  " + OLD), out::toString);
    assertTrue(lines.get(1).contains("10.42.2.0/24"), out::toString);
    assertTrue(lines.get(1).endsWith("KeyChanged: no proof"), out::toString);
    assertTrue(lines.get(2).startsWith("c     Pending"), out::toString);
    assertEquals(0, run("nodes", "--kubeconfig", "admin.conf", "-o", "json"));
    assertTrue(out.toString().contains("\"claimedKey\" : \"" + NEW + "\""), out::toString);
  }

  @Test
  void acceptWritesTheKeyThatTheNodeClaimsAndNothingElse() {
    node("b", accepted());
    assertEquals(0, run("nodes", "accept", "b", "--kubeconfig", "x", "--key", NEW), err::toString);
    String patch = cluster.patched().getFirst();
    assertTrue(patch.startsWith("b {\"metadata\":{\"annotations\":{"), patch);
    assertTrue(patch.contains("\"culvert.dev/accept-key\":\"" + NEW + "\""), patch);
    assertTrue(patch.contains("\"culvert.dev/reject\":null"), patch);
    assertFalse(patch.contains("spec"), patch);
  }

  @Test
  void acceptWithoutTheRightSaysWhoseCredentialsAreNeeded() {
    node("b", accepted());
    cluster.refusesChanges("only an administrator annotates a CulvertNode");
    assertEquals(1, run("nodes", "accept", "b", "--kubeconfig", "x"));
    assertEquals(
        "culvert: only an administrator annotates a CulvertNode; use the credentials of an"
            + " administrator (--kubeconfig)\n",
        err.toString());
  }

  @Test
  void acceptOfAnotherKeyThanTheClaimedOneIsRefused() {
    node("b", accepted());
    assertEquals(1, run("nodes", "accept", "b", "--kubeconfig", "x", "--key", OLD));
    assertTrue(err.toString().contains("claims another key, " + NEW), err::toString);
    assertEquals(List.of(), cluster.patched());
    assertEquals(1, run("nodes", "accept", "z", "--kubeconfig", "x"));
    assertTrue(err.toString().contains("no node is called 'z'"), err::toString);
  }

  @Test
  void rejectNeedsAReasonAndWritesIt() {
    node("b", accepted());
    assertEquals(2, run("nodes", "reject", "b", "--kubeconfig", "x"));
    assertEquals(0, run("nodes", "reject", "b", "--kubeconfig", "x", "--reason", "stolen"));
    String patch = cluster.patched().getFirst();
    assertTrue(patch.contains("\"culvert.dev/reject\":\"stolen\""), patch);
    assertTrue(patch.contains("\"culvert.dev/accept-key\":null"), patch);
  }

  @Test
  void withoutAGatewayAndAKubeconfigThereIsNoApi() {
    assertEquals(4, run("nodes"));
    assertTrue(err.toString().contains("give --kubeconfig"), err::toString);
  }

  @Test
  @SuppressWarnings("try") // servers that only have to be there
  void nodesAsksTheGatewaysOfThisNetworkOnceAndNoOthers() throws IOException {
    Path file = directory.resolve("gw.yaml");
    Files.writeString(
        file,
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          interface: {name: cv0}
          identity: {privateKeyFile: private.key}
          clusterCIDRs: [10.66.0.0/16]
          discovery: {kubernetes: {nodeName: a, controlPlane: [192.0.2.1]}}
        """);
    GatewayView gateway =
        new GatewayView(
            "cv0",
            GatewayView.WIREGUARD,
            NEW,
            51820,
            0,
            file.toString(),
            null,
            List.of(),
            null,
            List.of(),
            ControlPlaneView.of(
                "a", ClusterSnapshot.EMPTY, null, null, null, null, null, Instant.now()));
    node("a", accepted());
    AtomicInteger asked = new AtomicInteger();
    Files.createDirectories(machine.adminDirectory());
    Files.writeString(machine.adminDirectory().resolve("cv9.guard"), "another\nother.yaml\n");
    try (AdminServer elsewhere =
            AdminServer.open(
                machine.adminDirectory(),
                "cv9",
                request -> AdminMessage.Response.failed("hurt"),
                Handed.NOTHING);
        AdminServer here =
            AdminServer.open(
                machine.adminDirectory(),
                "cv0",
                request -> {
                  asked.incrementAndGet();
                  return AdminMessage.Response.of(gateway);
                },
                Handed.NOTHING)) {
      assertEquals(0, run("nodes"), err::toString);
      assertTrue(out.toString().contains("Accepted"), out::toString);
      assertEquals(1, asked.get());
    }
  }

  @Test
  void upTakesAFileOrKubernetesAndRefusesStrayOptions() {
    assertEquals(2, run("up"));
    assertEquals(2, run("up", "--kubernetes", "gw.yaml"));
    assertEquals(2, run("up", "gw.yaml", "--node-name", "a"));
    assertTrue(err.toString().contains("--node-name goes with --kubernetes"), err::toString);
  }

  @Test
  void upNamesTheOptionThatIsMissing() {
    assertEquals(2, run("up", "--kubernetes", "--node-name", "a", "--control-plane", "192.0.2.1"));
    assertTrue(err.toString().contains("--cluster-cidrs or CULVERT_CLUSTER_CIDRS"), err::toString);
    assertEquals(2, run("up", "--kubernetes", "--cluster-cidrs=10.42.0.0/16"));
    assertTrue(err.toString().contains("--control-plane or CULVERT_CONTROL_PLANE"), err::toString);
  }

  /** Options become a file that is read as every other, with its refusals. */
  @Test
  void settingsFromOptionsAreRefusedAsThoseOfAFile() {
    assertEquals(
        3,
        run(
            "up",
            "--kubernetes",
            "--node-name=a",
            "--control-plane=192.0.2.1,192.0.2.9",
            "--cluster-cidrs=10.42.0.0/16",
            "--control-plane-exempt-ports=2379-2380"));
    assertTrue(err.toString().contains("lacks the API server's port 6443"), err::toString);
  }

  @Test
  void settingsOfARegistrarAreThoseOfAnEmbeddedOneAlone() throws IOException {
    Path written = machine.adminDirectory().resolve("cv0.json");
    for (String registrar : List.of("embedded", "separate")) {
      run(
          "up",
          "--kubernetes",
          "--interface=cv0",
          "--node-name=a",
          "--control-plane=192.0.2.1",
          "--cluster-cidrs=none",
          "--registrar=" + registrar,
          "--pod-ranges=calico",
          "--service-cidrs=10.96.0.0/12,fd96::/112");
      JsonNode settings =
          KubeJson.MAPPER.readTree(Files.readString(written)).at("/spec/discovery/kubernetes");
      assertEquals(registrar, settings.path("registrar").asString());
      boolean embedded = registrar.equals("embedded");
      assertEquals(
          embedded ? "[\"10.96.0.0/12\",\"fd96::/112\"]" : "",
          settings.path("serviceCIDRs").toString());
      assertEquals(embedded ? "calico" : "", settings.path("podRanges").asString());
    }
  }

  @Test
  void downDeletesTheSettingsThatUpWroteAndNoFileOfTheUser() throws IOException {
    Path written = machine.adminDirectory().resolve("cv0.json");
    assertEquals(
        3,
        run(
            "up",
            "--kubernetes",
            "--interface=cv0",
            "--node-name=a",
            "--control-plane=192.0.2.1",
            "--cluster-cidrs=none"));
    assertTrue(Files.exists(written));
    Path own = Files.writeString(directory.resolve("own.yaml"), "");
    machine.runState().write("cv0", own);
    assertEquals(0, run("down", "cv0"), err::toString);
    assertTrue(Files.exists(own));
    assertTrue(Files.exists(written), "it belongs to another start");
    machine.runState().write("cv0", written);
    assertEquals(0, run("down", "cv0"), err::toString);
    assertFalse(Files.exists(written));
  }

  private List<Finding> checks(String minor, boolean allowed, @Nullable String tokenOf)
      throws IOException {
    cluster.has(
        ResourceKind.VERSIONS,
        ServerVersion.NAME,
        new ServerVersion(metadata("", null), "1", minor, "v1." + minor));
    cluster.answers(
        ResourceKind.SELF_REVIEWS,
        json ->
            new SelfReview(
                metadata("", Instant.now().toString()),
                new SelfReview.Status(
                    new SelfReview.UserInfo(
                        "daemon",
                        tokenOf == null
                            ? Map.of()
                            : Map.of(
                                "authentication.kubernetes.io/node-name", List.of(tokenOf))))));
    cluster.answers(
        ResourceKind.ACCESS_REVIEWS,
        json ->
            new AccessReview(
                metadata("", null), new AccessReview.Status(allowed && !json.contains("secrets"))));
    KubernetesConfig config = KubernetesConfig.ofAccess(List.of(), 6443, Path.of("x"));
    try (KubeApi api = cluster.open(config)) {
      return new ClusterChecks(api, "a").all();
    }
  }

  private static Finding about(String subject, List<Finding> findings) {
    return findings.stream().filter(f -> f.subject().equals(subject)).findFirst().orElseThrow();
  }

  @Test
  void doctorRefusesAServerThatIsTooOldAndSaysWhy() throws IOException {
    Finding older = about("Kubernetes API", checks("29", true, "a"));
    assertEquals(Finding.Verdict.FAIL, older.verdict());
    assertTrue(older.found().contains("v1.29, older than 1.31: its tokens do not"), older::found);
    Finding old = about("Kubernetes API", checks("30", true, "a"));
    assertEquals(Finding.Verdict.FAIL, old.verdict());
    assertTrue(old.found().contains("v1.30, older than 1.31: it cannot select"), old::found);
    assertEquals(Finding.Verdict.OK, about("Kubernetes API", checks("31+", true, "a")).verdict());
  }

  @Test
  void withoutTheKindsOfCulvertTheAdviceIsToApplyThem() throws IOException {
    assertEquals(Finding.Verdict.OK, about("CRDs", checks("37", true, "a")).verdict());
    cluster.lacks(ResourceKind.CULVERT_NODES);
    Finding missing = about("CRDs", checks("37", true, "a"));
    assertEquals(Finding.Verdict.FAIL, missing.verdict());
    assertEquals("the server does not have CulvertNode", missing.found());
    assertEquals(1, run("nodes", "accept", "b", "--kubeconfig", "x"));
    assertFalse(err.toString().contains("no node is called"), err::toString);
  }

  @Test
  void doctorJudgesIdentityClockAndRights() throws IOException {
    List<Finding> right = checks("37", true, "a");
    assertEquals(Finding.Verdict.OK, about("identity", right).verdict());
    assertEquals(Finding.Verdict.OK, about("clock", right).verdict());
    assertEquals(Finding.Verdict.OK, about("RBAC", right).verdict());
    Finding much = about("RBAC, least", right);
    assertEquals(Finding.Verdict.WARN, much.verdict());
    assertFalse(much.found().contains("secrets"), much::found);
    List<Finding> wrong = checks("37", false, "b");
    assertEquals(Finding.Verdict.FAIL, about("identity", wrong).verdict());
    assertTrue(about("RBAC", wrong).found().contains("watch culvertnodes"));
  }
}
