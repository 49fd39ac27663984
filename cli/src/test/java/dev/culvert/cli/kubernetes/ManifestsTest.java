// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static dev.culvert.cli.kubernetes.CulvertNodes.KEY;
import static dev.culvert.cli.kubernetes.CulvertNodes.PATH;
import static dev.culvert.cli.kubernetes.CulvertNodes.owner;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kubernetes.TestControlPlane.Worker;
import dev.culvert.lab.kubernetes.ApiAnswer;
import dev.culvert.lab.kubernetes.ApiClient;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The manifests on a real API server: the rules of the custom resource definitions about which
 * objects make sense, the samples, and the sharing of the server.
 */
@Tag("integration")
@Tag("kubernetes")
final class ManifestsTest {
  private static final String EXEMPTIONS = "/apis/culvert.dev/v1alpha1/encryptionexemptions";
  private static final String POLICIES = "/apis/culvert.dev/v1alpha1/culvertpolicies";
  private static final String CONTROL_PLANE = "\"node-role.kubernetes.io/control-plane\": \"\"";
  private static final Refusals REFUSALS = new Refusals();

  @TempDir static Path folder;
  private static TestControlPlane cluster;
  private static ApiClient admin;

  @BeforeAll
  static void start() {
    cluster = new TestControlPlane(folder);
    admin = cluster.admin();
  }

  @AfterAll
  static void stop() {
    if (cluster != null) {
      cluster.close();
    }
    REFUSALS.write(Culvert.launcher("cli/target/refusals-rules.md"));
  }

  @BeforeEach
  void withoutPolicy() {
    // Ranges go only by a change that names them, and that has not been named before.
    admin.patch(
        POLICIES + "/default",
        "{\"spec\": {\"encrypt\": null, \"strict\": null, \"turnsOff\": null}}");
    admin.patch(
        POLICIES + "/default",
        "{\"spec\": {\"clusterCIDRs\": null, \"turnsOff\": [\"clusterCIDRs\"]}}");
    admin.delete(POLICIES + "/default");
  }

  private static String exemption(String name, String labels, String protocol, String ports) {
    return """
        {"apiVersion": "culvert.dev/v1alpha1", "kind": "EncryptionExemption",
         "metadata": {"name": "%s"},
         "spec": {"nodeSelector": {"matchLabels": {%s}}, "protocol": "%s", "ports": [%s]}}
        """
        .formatted(name, labels, protocol, ports);
  }

  private static String policy(String name, String spec) {
    return """
        {"apiVersion": "culvert.dev/v1alpha1", "kind": "CulvertPolicy",
         "metadata": {"name": "%s"}, "spec": {%s}}
        """
        .formatted(name, spec);
  }

  private static String spec(String spec) {
    return "{\"spec\": {%s}}".formatted(spec);
  }

  @Test
  void anExemptionNamesServersAndPorts() {
    String ports = "\"6443\", \"2379-2380\"";
    admin.create(EXEMPTIONS, exemption("control-plane", CONTROL_PLANE, "TCP", ports)).orThrow();
    String restricted = "\"node-restriction.kubernetes.io/dns\": \"yes\"";
    admin.create(EXEMPTIONS, exemption("dns", restricted, "UDP", "\"53\"")).orThrow();
  }

  @Test
  void anExemptionSelectsByLabelsThatAKubeletCannotSet() {
    String own = "a kubelet can set this label itself";
    refusedExemption("of every node", "a", "", "6443", "an empty selector would exempt every node");
    for (String label :
        List.of(
            "kubernetes.io/hostname",
            "tier",
            "node-role.kubernetes.io.evil.example/a",
            "node-role.kubernetes.io/",
            "evil-node-role.kubernetes.io/a")) {
      refusedExemption("by the label " + label, "a", "\"%s\": \"x\"".formatted(label), "6443", own);
    }
    refusedExemption(
        "by a good label and one of a kubelet", "a", CONTROL_PLANE + ", \"a\": \"b\"", "6443", own);
    String none = exemption("a", "", "TCP", "\"1\"").replace("\"nodeSelector\"", "\"other\"");
    REFUSALS.refused(
        "an exemption without a selector",
        admin.create(EXEMPTIONS, none),
        "nodeSelector: Required");
  }

  private static void refusedExemption(
      String what, String name, String labels, String port, String reason) {
    REFUSALS.refused(
        "an exemption " + what,
        admin.create(EXEMPTIONS, exemption(name, labels, "TCP", "\"" + port + "\"")),
        reason);
  }

  @Test
  void anExemptionIsOfPortsThatExist() {
    refusedExemption("of port 0", "a", CONTROL_PLANE, "0", "spec.ports[0] in body should match");
    refusedExemption("of port 70000", "a", CONTROL_PLANE, "70000", "a port is at most 65535");
    refusedExemption(
        "of ports 20-10", "a", CONTROL_PLANE, "20-10", "the first port of a range is the lowest");
    refusedExemption("of port *", "a", CONTROL_PLANE, "*", "spec.ports[0] in body should match");
    REFUSALS.refused(
        "an exemption of no ports",
        admin.create(EXEMPTIONS, exemption("a", CONTROL_PLANE, "TCP", "")),
        "should have at least 1 items");
    REFUSALS.refused(
        "an exemption of protocol ICMP",
        admin.create(EXEMPTIONS, exemption("a", CONTROL_PLANE, "ICMP", "\"1\"")),
        "Unsupported value: \"ICMP\"");
    refusedExemption(
        "with a name that is no counter's", "a.b", CONTROL_PLANE, "1", "the name becomes that of");
  }

  @Test
  void aMachineDoesNotTurnEncryptionOff() {
    String exemption = exemption("by-machine", CONTROL_PLANE, "TCP", "\"1-65535\"");
    String policy =
        policy("default", "\"encrypt\": {\"podToPod\": false}, \"turnsOff\": [\"podToPod\"]");
    Worker worker = cluster.worker("settings");
    ApiClient kubelet = cluster.plane.kubelet("settings");
    String rbac = "cannot create resource";
    REFUSALS.refused(
        "a daemon makes an exemption", worker.daemon().create(EXEMPTIONS, exemption), rbac);
    REFUSALS.refused("a daemon makes a policy", worker.daemon().create(POLICIES, policy), rbac);
    REFUSALS.refused("a kubelet makes an exemption", kubelet.create(EXEMPTIONS, exemption), rbac);
    REFUSALS.refused("a kubelet makes a policy", kubelet.create(POLICIES, policy), rbac);
    admin.create(EXEMPTIONS, exemption("kept", CONTROL_PLANE, "TCP", "\"1\"")).orThrow();
    admin.create(POLICIES, policy("default", "")).orThrow();
    for (String user :
        List.of(
            "system:serviceaccount:culvert:culvert-node",
            "system:serviceaccount:culvert:culvert-registrar",
            "system:node:settings")) {
      ApiClient mistake = cluster.withAllRights(user);
      REFUSALS.refused(
          user + " with too many rights makes an exemption",
          mistake.create(EXEMPTIONS, exemption),
          "writes no EncryptionExemption");
      REFUSALS.refused(
          user + " with too many rights changes the policy",
          mistake.patch(
              POLICIES + "/default",
              spec("\"strict\": {\"egress\": false}, \"turnsOff\": [\"strictEgress\"]")),
          "writes no CulvertPolicy");
      REFUSALS.refused(
          user + " with too many rights deletes an exemption",
          mistake.delete(EXEMPTIONS + "/kept"),
          "writes no EncryptionExemption");
    }
  }

  @Test
  void thereIsOnePolicyCalledDefault() {
    admin.create(POLICIES, policy("default", "\"clusterCIDRs\": [\"10.42.0.0/16\"]")).orThrow();
    REFUSALS.refused(
        "a second policy",
        admin.create(POLICIES, policy("other", "")),
        "there is one policy, called default");
    REFUSALS.refused(
        "a policy with a range that is none",
        admin.patch(POLICIES + "/default", spec("\"clusterCIDRs\": [\"10.42.0.0/33\"]")),
        "not a range");
    REFUSALS.refused(
        "a policy with a range of all addresses",
        admin.patch(POLICIES + "/default", spec("\"clusterCIDRs\": [\"10.42.0.0/16\", \"::/0\"]")),
        "every address there is");
  }

  @Test
  void aSwitchIsOffIfItIsNamedAndOnlyThen() {
    for (String name : List.of("podToPod", "podToNode", "nodeToPod", "nodeToNode")) {
      assertNamed("\"encrypt\": {\"%s\": false}".formatted(name), "encrypt." + name, name);
    }
    assertNamed("\"strict\": {\"egress\": false}", "strict.egress", "strictEgress");
    assertNamed("\"strict\": {\"ingress\": false}", "strict.ingress", "strictIngress");
    REFUSALS.refused(
        "a policy that turns off an unknown switch",
        admin.create(POLICIES, policy("default", "\"turnsOff\": [\"everything\"]")),
        "Unsupported value: \"everything\"");
  }

  private static void assertNamed(String off, String path, String name) {
    String reason = path + " is false if and only if turnsOff names " + name;
    String named = "\"turnsOff\": [\"%s\"]".formatted(name);
    REFUSALS.refused(
        "a policy that turns %s off without naming it".formatted(path),
        admin.create(POLICIES, policy("default", off)),
        reason);
    REFUSALS.refused(
        "a policy that names %s, which is on".formatted(name),
        admin.create(POLICIES, policy("default", named)),
        reason);
    admin.create(POLICIES, policy("default", "")).orThrow();
    REFUSALS.refused(
        "a change that turns %s off without naming it".formatted(path),
        admin.patch(POLICIES + "/default", spec(off)),
        reason);
    admin.patch(POLICIES + "/default", spec(off + ", " + named)).orThrow();
    admin.delete(POLICIES + "/default").orThrow();
  }

  @Test
  void aPolicyThatHasRangesIsNotDeleted() {
    String path = POLICIES + "/default";
    admin.create(POLICIES, policy("default", "\"clusterCIDRs\": [\"10.42.0.0/16\"]")).orThrow();
    String reason = "the policy has ranges";
    REFUSALS.refused("a deletion of a policy that has ranges", admin.delete(path), reason);
    REFUSALS.refused("a deletion of all policies", admin.delete(POLICIES), reason);
    admin.patch(path, spec("\"clusterCIDRs\": [], \"turnsOff\": [\"clusterCIDRs\"]")).orThrow();
    admin.delete(path).orThrow();
  }

  @Test
  void aRangeIsTakenOutIfThatIsNamedInTheSameChange() {
    String path = POLICIES + "/default";
    String reason = "this takes a range out of clusterCIDRs";
    admin
        .create(POLICIES, policy("default", "\"clusterCIDRs\": [\"10.42.0.0/16\", \"fd42::/32\"]"))
        .orThrow();
    admin
        .patch(path, spec("\"clusterCIDRs\": [\"10.40.0.0/14\", \"fd42::/32\", \"10.9.0.0/16\"]"))
        .orThrow();
    String narrower = "\"clusterCIDRs\": [\"10.42.0.0/16\", \"fd42::/32\"]";
    REFUSALS.refused(
        "a change that makes a range narrower without naming it",
        admin.patch(path, spec(narrower)),
        reason);
    admin.patch(path, spec(narrower + ", \"turnsOff\": [\"clusterCIDRs\"]")).orThrow();
    REFUSALS.refused(
        "a change that takes a range out, with the name of the change before",
        admin.patch(path, spec("\"clusterCIDRs\": [\"10.42.0.0/16\"]")),
        reason);
    admin.patch(path, spec("\"turnsOff\": null")).orThrow();
    REFUSALS.refused(
        "a change that takes all ranges out",
        admin.patch(path, spec("\"clusterCIDRs\": null")),
        reason);
  }

  @Test
  void aCulvertNodeHasWhatItsEngineNeeds() {
    Worker worker = cluster.worker("schema");
    refusedNode(worker, "with a key of another length", "\"publicKey\": \"short\"", "publicKey");
    refusedNode(worker, "without a key", "\"publicKey\": null", "engine wireguard needs publicKey");
    refusedNode(
        worker, "of ESP without a key id", "\"engine\": \"esp\"", "engine esp needs espKeyId");
    refusedNode(worker, "of an unknown engine", "\"engine\": \"rot13\"", "Unsupported value");
    refusedNode(
        worker, "with a name as its endpoint", "\"endpoints\": [\"host:1\"]", "spec.endpoints[0]");
    refusedNode(worker, "without an endpoint", "\"endpoints\": []", "spec.endpoints");
    String ipv6 =
        spec("\"engine\": \"esp\", \"espKeyId\": 3, \"endpoints\": [\"[2001:db8::1]:4500\"]");
    worker.join();
    worker.daemon().patch(worker.path(), ipv6).orThrow();
    assertTrue(admin.get(worker.path()).orThrow().at("/spec/espKeyId").asInt() == 3);
  }

  private static void refusedNode(Worker worker, String what, String changed, String reason) {
    String spec =
        "\"nodeUID\": \"%s\", \"engine\": \"wireguard\", \"publicKey\": \"%s\", %s, %s"
            .formatted(worker.uid(), KEY, "\"endpoints\": [\"192.0.2.1:51820\"]", changed);
    String metadata =
        "\"name\": \"%s\", \"ownerReferences\": [%s]"
            .formatted(worker.name(), owner(worker.name(), worker.uid()));
    REFUSALS.refused(
        "a CulvertNode " + what,
        worker.daemon().create(PATH, CulvertNodes.object(metadata, spec)),
        reason);
  }

  @ParameterizedTest
  @ValueSource(strings = {"daemonset.yaml", "registrar.yaml", "uninstall.yaml"})
  void theSamplesOfDaemonsAndRegistrarsAreAccepted(String name) {
    Path sample = Culvert.launcher("cluster/src/main/dist/kubernetes/" + name);
    cluster
        .plane
        .kubectl("apply", "--dry-run=server", "--validate=strict", "-f", sample.toString())
        .orThrow();
  }

  private static String daemonSet() {
    return cluster
        .plane
        .kubectl("-n", "culvert", "get", "daemonset", "culvert", "-o", "jsonpath={.spec}")
        .orThrow()
        .out();
  }

  /** No controller runs, so the lift itself comes to no end. */
  @Test
  void whoAppliesTheSampleAfterALiftHasTheDaemonSetOfBefore() {
    Path kubeconfig = folder.resolve("lift.kubeconfig");
    cluster.plane.writeKubeconfig(
        kubeconfig, cluster.plane.apiServer(0).place(), cluster.plane.adminToken());
    String sample = Culvert.launcher("cluster/src/main/dist/kubernetes/daemonset.yaml").toString();
    cluster.plane.kubectl("apply", "-f", sample).orThrow();
    String before = daemonSet();
    Commands.Result lift =
        Commands.attempt(
            Mesh.PATIENCE,
            Map.of(),
            Culvert.command("nodes", "down", "--timeout=0", "--kubeconfig=" + kubeconfig));
    assertTrue(lift.err().contains("may still stand on: nodes without a pod"), lift::err);
    assertTrue(daemonSet().contains("[\"down\",\"culvert0\",\"--if-up\",\"--stay\"]"));
    cluster.plane.kubectl("apply", "-f", sample).orThrow();
    assertEquals(before, daemonSet());
    cluster.plane.kubectl("delete", "-f", sample).orThrow();
  }

  @Test
  void theSampleWithCiliumsSecretIsAcceptedAndHidesTheKeyFromOtherUsers() throws IOException {
    Path manifests = Culvert.launcher("cluster/src/main/dist/kubernetes");
    String changed =
        cluster
            .plane
            .kubectl(
                "patch",
                "--local",
                "-f",
                manifests.resolve("daemonset.yaml").toString(),
                "--patch-file",
                manifests.resolve("esp-cilium-secret.yaml").toString(),
                "-o",
                "json")
            .orThrow()
            .out();
    JsonNode pod = new ObjectMapper().readTree(changed).at("/spec/template/spec");
    assertEquals(7, pod.path("volumes").size(), "one more than before");
    assertTrue(pod.path("volumes").toString().contains("\"defaultMode\":256"), changed);
    assertTrue(pod.at("/containers/0/env").toString().contains("CULVERT_NODE_NAME"), changed);
    Path file = Files.writeString(folder.resolve("daemonset-esp.json"), changed);
    cluster
        .plane
        .kubectl("apply", "--dry-run=server", "--validate=strict", "-f", file.toString())
        .orThrow();
  }

  @Test
  void theApiServerGivesDaemonsAndRegistrarsQueuesOfTheirOwn() {
    Path manifest = Culvert.launcher("cluster/src/main/dist/kubernetes/flow-control.yaml");
    cluster.plane.kubectl("apply", "--validate=strict", "-f", manifest.toString()).orThrow();
    assertClassified("culvert-node", cluster.worker("queued").daemon());
    assertClassified(
        "culvert-registrar", cluster.worker("queued-registrar", "culvert-registrar").daemon());
    assertClassified(
        "culvert-registrar",
        cluster.worker("queued-control-plane", "culvert-control-plane").daemon());
  }

  private static void assertClassified(String flowSchema, ApiClient client) {
    JsonNode schema =
        admin.get("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/" + flowSchema).orThrow();
    String uid = schema.at("/metadata/uid").asText();
    for (String path :
        List.of(PATH + "?fieldSelector=status.phase%3DAccepted", "/api/v1/nodes/x", "/version")) {
      assertTrue(
          Waiting.until(Mesh.PATIENCE, () -> client.flowSchema(path).equals(uid)),
          () -> path + " is not of " + flowSchema + " but of " + client.flowSchema(path));
    }
  }

  /** The server drops selectors of old versions without a word; gateways would then be refused. */
  @Test
  void nodesAreSelectedByNoFieldThatTheirDefinitionDoesNotName() {
    Worker worker = cluster.worker("selector");
    ApiAnswer answer = worker.daemon().get(PATH + "?fieldSelector=spec.engine%3Desp");
    assertEquals(400, answer.code());
    assertTrue(answer.message().contains("field label not supported"), answer::message);
  }
}
