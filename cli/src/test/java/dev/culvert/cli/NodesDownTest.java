// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.DaemonPod;
import dev.culvert.cluster.resource.DaemonSet;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.testing.FakeCluster;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code nodes down} changes the gateways' DaemonSets, and tells the nodes that did not follow. */
final class NodesDownTest {
  private static final ResourceKind<DaemonSet> SETS = ResourceKind.daemonSets("culvert");
  private static final ResourceKind<DaemonPod> PODS = ResourceKind.daemonPods("culvert");

  private static final String GATEWAY =
      """
      {"name": "culvert", "image": "culvert:1", "args": ["up", "--kubernetes"],
       "env": [{"name": "CULVERT_NODE_NAME", "value": "x"},
               {"name": "CULVERT_METRICS_LISTEN", "value": "127.0.0.1:9586"}%s],
       "ports": [{"containerPort": 9586}],
       "readinessProbe": {"httpGet": {"port": 9586, "path": "/readyz", "scheme": "HTTP"}},
       "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
       "volumeMounts": [{"name": "run", "mountPath": "/run/culvert"}]}
      """;

  private static final List<String> UP = List.of("up", "--kubernetes");
  private static final List<String> LIFT = List.of("down", "culvert0", "--if-up", "--stay");

  private final FakeCluster cluster = new FakeCluster();
  private final FakeNetwork network = new FakeNetwork();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;
  private Machine machine;

  @BeforeEach
  void prepare() {
    machine = FakeMachine.in(directory, new FakeTunnels(), network, host -> List.of(), cluster);
  }

  private int run(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return RootCommand.commandLine(machine, false)
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(arguments);
  }

  /** A DaemonSet on two nodes. */
  private void gateways(String name, String containers, int observed, int updated, int available) {
    String json =
        """
        {"metadata": {"name": "%s", "generation": 2},
         "spec": {"template": {"spec": {"containers": [%s]}}},
         "status": {"observedGeneration": %d, "desiredNumberScheduled": 2,
                    "updatedNumberScheduled": %d, "numberAvailable": %d}}
        """
            .formatted(name, containers, observed, updated, available);
    cluster.has(SETS, name, KubeJson.MAPPER.readValue(json, DaemonSet.class));
  }

  private void pod(String name, String node, String owner, List<String> args, String ready) {
    String json =
        """
        {"metadata": {"name": "%s", "ownerReferences": [{"kind": "DaemonSet", "name": "%s"}]},
         "spec": {"nodeName": "%s", "containers": [{"args": ["%s"]}]},
         "status": {"conditions": [{"type": "Ready", "status": "%s"}]}}
        """
            .formatted(name, owner, node, String.join("\", \"", args), ready);
    cluster.has(PODS, name, KubeJson.MAPPER.readValue(json, DaemonPod.class));
  }

  private static List<String> texts(JsonNode array) {
    return array.valueStream().map(JsonNode::asString).toList();
  }

  /** The spec of the first change. */
  private JsonNode changedSpec() {
    String change = cluster.patched().getFirst();
    return KubeJson.MAPPER.readTree(change.substring(change.indexOf('{'))).path("spec");
  }

  @Test
  void thePodsRunDownInThePlaceOfTheGatewayAndNothingElseChanges() {
    String container = GATEWAY.formatted("");
    gateways("culvert", container, 2, 2, 2);
    assertEquals(0, run("nodes", "down", "--kubeconfig", "x"), err::toString);
    assertTrue(out.toString().startsWith("the guard is lifted on all nodes (2)"), out::toString);
    assertEquals(1, cluster.patched().size());
    JsonNode spec = changedSpec();
    assertEquals("100%", spec.at("/updateStrategy/rollingUpdate/maxUnavailable").asString());
    assertEquals(0, spec.at("/updateStrategy/rollingUpdate/maxSurge").asInt());
    assertEquals(2, spec.size());
    assertEquals(1, spec.path("template").size());
    assertEquals(1, spec.at("/template/spec").size(), "no init container");
    ObjectNode changed = (ObjectNode) spec.at("/template/spec/containers/0");
    assertEquals(LIFT, texts(changed.path("args")));
    changed.putArray("args").add("up").add("--kubernetes");
    assertEquals(KubeJson.MAPPER.readTree(container), changed);
  }

  @Test
  void theInterfaceIsThatOfTheGateways() {
    String variable = ", {\"name\": \"CULVERT_INTERFACE\", \"value\": \"mesh0\"}";
    gateways("culvert", GATEWAY.formatted(variable), 2, 2, 2);
    assertEquals(0, run("nodes", "down", "--kubeconfig", "x"), err::toString);
    assertEquals(
        List.of("down", "mesh0", "--if-up", "--stay"),
        texts(changedSpec().at("/template/spec/containers/0/args")));
  }

  @Test
  void podsThatTakeOverFromTheOldOnesAreChangedToo() {
    String surging = GATEWAY.replace("\"--kubernetes\"]", "\"--kubernetes\", \"--replace\"]");
    gateways("culvert", surging.formatted(""), 2, 2, 2);
    assertEquals(0, run("nodes", "down", "--kubeconfig", "x"), err::toString);
    assertEquals(LIFT, texts(changedSpec().at("/template/spec/containers/0/args")));
    assertEquals(0, changedSpec().at("/updateStrategy/rollingUpdate/maxSurge").asInt());
  }

  @Test
  void itCanBeRunAgain() {
    String lifted =
        GATEWAY
            .replace("[\"up\", \"--kubernetes\"]", "[\"" + String.join("\", \"", LIFT) + "\"]")
            .formatted("");
    gateways("culvert", lifted, 2, 2, 2);
    pod("done", "node-done", "culvert", LIFT, "True");
    assertEquals(0, run("nodes", "down", "--kubeconfig", "x"), err::toString);
  }

  @Test
  void aChangeThatTheControllerHasNotSeenYetIsNotDone() {
    gateways("culvert", GATEWAY.formatted(""), 1, 2, 2);
    assertEquals(1, run("nodes", "down", "--kubeconfig", "x", "--timeout", "0"));
    assertTrue(err.toString().contains("may still stand on: nodes without a pod"), err::toString);
  }

  @Test
  void theNodesThatDidNotFollowAreNamed() {
    gateways("culvert", GATEWAY.formatted(""), 2, 1, 1);
    gateways("culvert-control-plane", GATEWAY.formatted(""), 2, 2, 1);
    pod("away", "node-away", "culvert", UP, "True");
    pod("done", "node-done", "culvert", LIFT, "True");
    pod("tries", "node-tries", "culvert-control-plane", LIFT, "False");
    pod("other", "node-other", "other", UP, "False");
    assertEquals(
        1,
        run("nodes", "down", "--kubeconfig=x", "--timeout=0", "culvert", "culvert-control-plane"));
    assertTrue(
        err.toString()
            .startsWith(
                "culvert: after 0 s the guard may still stand on: "
                    + "node-away, node-tries. All other nodes send in clear."),
        err::toString);
    // The nodes of a DaemonSet have no program that could do it.
    assertTrue(err.toString().contains("by hand: docs/operations.md, Back out"), err::toString);
  }

  /** Its taint or label has changed: the set counts it no more, and its gateway still runs. */
  @Test
  void aNodeThatTheSetNoLongerSelectsIsWaitedForAndNamed() {
    gateways("culvert", GATEWAY.formatted(""), 2, 2, 2);
    pod("left", "node-left", "culvert", UP, "True");
    assertEquals(1, run("nodes", "down", "--kubeconfig", "x", "--timeout", "0"));
    assertTrue(err.toString().contains("may still stand on: node-left."), err::toString);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"--kubernetes\"]        | \"--kubernetes\", \"--interface\", \"mesh0\"]"
            + " | has the arguments [up, --kubernetes, --interface, mesh0] and not",
        "\"--kubernetes\"]        | \"/etc/culvert/mesh.yaml\"]"
            + " | has the arguments [up, /etc/culvert/mesh.yaml] and not [up, --kubernetes]",
        "\"image\"                | \"command\": [\"sh\"], \"image\" | has a command of its own",
        "\"image\"                | \"envFrom\": [{}], \"image\""
            + " | takes CULVERT_INTERFACE, or all variables, from another object",
        "\"CULVERT_NODE_NAME\", \"value\": \"x\" | \"CULVERT_INTERFACE\", \"valueFrom\": {}"
            + " | takes CULVERT_INTERFACE, or all variables, from another object",
        "httpGet                  | exec | has no readinessProbe that asks /readyz over HTTP",
        "\"scheme\": \"HTTP\"      | \"scheme\": \"HTTPS\" | has no readinessProbe that asks",
        "/readyz                  | /livez | has no readinessProbe that asks /readyz over HTTP",
        "CULVERT_METRICS_LISTEN   | OTHER | has no variable CULVERT_METRICS_LISTEN",
      })
  void podsThatWouldNotLiftTheGuardOrNotTellItStayAsTheyAre(
      String given, String other, String reason) {
    String changed = GATEWAY.replace(given, other);
    assertNotEquals(GATEWAY, changed);
    gateways("culvert", changed.formatted(""), 2, 2, 2);
    assertEquals(1, run("nodes", "down", "--kubeconfig", "x"));
    assertTrue(err.toString().contains("the DaemonSet culvert " + reason), err::toString);
    assertTrue(err.toString().contains("Nothing is changed: make it as"), err::toString);
    assertEquals(List.of(), cluster.patched());
  }

  @Test
  void podsWithContainersOfOthersStayAsTheyAre() {
    gateways("culvert", GATEWAY.formatted("") + ", {\"name\": \"sidecar\"}", 2, 2, 2);
    assertEquals(1, run("nodes", "down", "--kubeconfig", "x"));
    assertTrue(err.toString().contains("the DaemonSet culvert has 2 containers"), err::toString);
    assertEquals(List.of(), cluster.patched());
  }

  @Test
  void noSetIsChangedIfOneOfThemCannotBe() {
    gateways("culvert", GATEWAY.formatted(""), 2, 2, 2);
    assertEquals(1, run("nodes", "down", "--kubeconfig=x", "culvert", "culvert-control-plane"));
    assertEquals("culvert: not found\n", err.toString());
    gateways("culvert-control-plane", GATEWAY.replace("/readyz", "/").formatted(""), 2, 2, 2);
    assertEquals(1, run("nodes", "down", "--kubeconfig=x", "culvert", "culvert-control-plane"));
    assertEquals(List.of(), cluster.patched());
  }

  @Test
  void aChangeThatTheServerIsTooBusyForIsTriedAgain() {
    gateways("culvert", GATEWAY.formatted(""), 2, 2, 2);
    cluster.failsChanges("culvert", 503, 2);
    assertEquals(0, run("nodes", "down", "--kubeconfig=x"), err::toString);
    assertEquals(1, cluster.patched().size());
    cluster.failsChanges("culvert", 503, 1);
    assertEquals(1, run("nodes", "down", "--kubeconfig=x", "--timeout=0"));
    assertEquals("culvert: busy 503\n", err.toString());
  }

  @Test
  void theSetsThatWereChangedAreNamedIfAnotherWasNot() {
    gateways("culvert", GATEWAY.formatted(""), 2, 2, 2);
    gateways("culvert-control-plane", GATEWAY.formatted(""), 2, 2, 2);
    cluster.failsChanges("culvert-control-plane", 403, 1);
    assertEquals(1, run("nodes", "down", "--kubeconfig=x", "culvert", "culvert-control-plane"));
    assertEquals(
        "culvert: the guard is being lifted on the nodes of culvert and stays on those of"
            + " culvert-control-plane, which could not be changed: busy 403. Run this again\n",
        err.toString());
  }

  @Test
  void aGatewayThatIsNotUpIsNoErrorIfThatIsAskedFor() {
    assertEquals(4, run("down", "culvert0"));
    assertEquals(0, run("down", "culvert0", "--if-up"), err::toString);
    assertEquals("culvert0 is not up\n", out.toString());
  }

  @Test
  void aGuardOfAnotherGatewayIsAnErrorInAnyCase() throws IOException {
    network.count("unknown_in", 0);
    assertEquals(1, run("down", "culvert0", "--if-up"));
    assertTrue(err.toString().contains("a guard stands here: no note names its"), err::toString);
    machine.runState().write("mesh0", directory.resolve("mesh0.json"));
    assertEquals(1, run("down", "culvert0", "--if-up"));
    assertEquals(
        "culvert: culvert0 is not up, but a guard stands here: 'culvert down mesh0' lifts it\n",
        err.toString());
    assertTrue(network.guarded());
  }

  @Test
  void onlyAProgramThatStaysAnswersProbes() {
    assertEquals(2, run("down", "--if-up", "--metrics-listen", "127.0.0.1:1"));
    assertEquals("culvert: --metrics-listen goes with --stay\n", err.toString());
  }
}
