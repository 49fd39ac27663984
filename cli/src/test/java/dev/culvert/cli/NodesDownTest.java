// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code nodes down} changes the gateways' DaemonSets, and tells the nodes that did not follow. */
final class NodesDownTest {
  private static final ResourceKind<DaemonSet> SETS = ResourceKind.daemonSets("culvert");
  private static final ResourceKind<DaemonPod> PODS = ResourceKind.daemonPods("culvert");

  private static final String GATEWAY =
      """
      {"name": "culvert", "image": "culvert:1", "args": ["up", "--kubernetes"],
       "env": [{"name": "CULVERT_NODE_NAME", "value": "x"}%s],
       "ports": [{"containerPort": 9586}],
       "startupProbe": {}, "readinessProbe": {}, "livenessProbe": {},
       "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
       "volumeMounts": [{"name": "run", "mountPath": "/run/culvert"}]}
      """;

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

  private void pod(String name, String node, String owner, String container, String ready) {
    String json =
        """
        {"metadata": {"name": "%s", "ownerReferences": [{"kind": "DaemonSet", "name": "%s"}]},
         "spec": {"nodeName": "%s", "initContainers": [%s]},
         "status": {"conditions": [{"type": "Ready", "status": "%s"}]}}
        """
            .formatted(name, owner, node, container, ready);
    cluster.has(PODS, name, KubeJson.MAPPER.readValue(json, DaemonPod.class));
  }

  private static List<String> texts(JsonNode array) {
    return array.valueStream().map(JsonNode::asString).toList();
  }

  @Test
  void thePodsRunDownBeforeTheyAreReadyAndHaveNoProbesOfAGateway() {
    gateways("culvert", GATEWAY.formatted(""), 2, 2, 2);
    assertEquals(0, run("nodes", "down", "--kubeconfig", "x"), err::toString);
    assertTrue(out.toString().startsWith("the guard is lifted on all nodes (2)"), out::toString);
    String change = cluster.patched().getFirst();
    assertTrue(change.startsWith("culvert {"), change);
    JsonNode spec = KubeJson.MAPPER.readTree(change.substring("culvert ".length())).path("spec");
    assertEquals("100%", spec.at("/updateStrategy/rollingUpdate/maxUnavailable").asString());
    assertEquals(0, spec.at("/updateStrategy/rollingUpdate/maxSurge").asInt());
    JsonNode lifts = spec.at("/template/spec/initContainers/0");
    JsonNode stays = spec.at("/template/spec/containers/0");
    assertEquals(List.of("down", "culvert0", "--if-up"), texts(lifts.path("args")));
    assertEquals(List.of("down", "culvert0", "--if-up", "--stay"), texts(stays.path("args")));
    assertEquals("lift", lifts.path("name").asString());
    assertEquals("culvert", stays.path("name").asString());
    for (JsonNode container : List.of(lifts, stays)) {
      assertFalse(container.toString().contains("Probe"), change);
      assertFalse(container.has("ports"), change);
      assertEquals("culvert:1", container.path("image").asString());
      assertEquals("/run/culvert", container.at("/volumeMounts/0/mountPath").asString());
      assertEquals("NET_ADMIN", container.at("/securityContext/capabilities/add/0").asString());
    }
  }

  @Test
  void theInterfaceIsThatOfTheGateways() {
    String variable = ", {\"name\": \"CULVERT_INTERFACE\", \"value\": \"mesh0\"}";
    gateways("culvert", GATEWAY.formatted(variable), 2, 2, 2);
    assertEquals(0, run("nodes", "down", "--kubeconfig", "x"), err::toString);
    assertTrue(cluster.patched().getFirst().contains("[\"down\",\"mesh0\",\"--if-up\"]"));
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
    pod("away", "node-away", "culvert", "", "True");
    pod("done", "node-done", "culvert", "{\"name\": \"lift\"}", "True");
    pod("tries", "node-tries", "culvert-control-plane", "{\"name\": \"lift\"}", "False");
    pod("other", "node-other", "other", "", "False");
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

  @Test
  void podsWithContainersOfOthersStayAsTheyAre() {
    gateways("culvert", GATEWAY.formatted("") + ", {\"name\": \"sidecar\"}", 2, 2, 2);
    assertEquals(1, run("nodes", "down", "--kubeconfig", "x"));
    assertTrue(err.toString().contains("culvert has 2 containers"), err::toString);
    assertEquals(List.of(), cluster.patched());
  }

  @Test
  void aGatewayThatIsNotUpIsNoErrorIfThatIsAskedFor() {
    assertEquals(4, run("down", "culvert0"));
    assertEquals(0, run("down", "culvert0", "--if-up"), err::toString);
    assertEquals("culvert0 is not up\n", out.toString());
  }
}
