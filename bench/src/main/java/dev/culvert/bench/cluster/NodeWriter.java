// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.cluster.claim.ClaimObject;
import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.registrar.StatusChange;
import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.lab.kubernetes.ClusterObjects;
import java.net.URLEncoder;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes CulvertNodes in the name of daemons and of a registrar, byte by byte as these do, so that
 * the API server's admission policies judge each write.
 */
final class NodeWriter {
  private static final ResourceKind<CulvertNode> KIND = ResourceKind.CULVERT_NODES;
  private static final String CLAIMS = "authentication.kubernetes.io/";

  private final ServerApi api;

  NodeWriter(ServerApi api) {
    this.api = api;
  }

  /** Makes the claim of a Node's daemon. */
  CulvertNode claim(String node, String uid, CulvertNode.Spec spec) {
    byte[] claim = ClaimObject.whole(node(node, uid), spec);
    return object(
        api.send("POST", KIND.path(), ServerApi.JSON, claim, as("culvert-node", node, uid)));
  }

  /** Changes the claim of a Node's daemon. */
  CulvertNode changeClaim(CulvertNode before, CulvertNode.Spec spec) {
    String name = before.metadata().name();
    return object(
        api.send(
            "PATCH",
            KIND.path(name, null),
            ServerApi.MERGE_PATCH,
            ClaimObject.patch(node(name, spec.nodeUID()), spec),
            as("culvert-node", name, spec.nodeUID())));
  }

  /** Accepts a claim as it is. */
  CulvertNode accept(CulvertNode claimed, List<String> ranges, List<String> addresses) {
    CulvertNode.Spec spec = claimed.spec();
    CulvertNode.Status status =
        new CulvertNode.Status(
            CulvertNode.Phase.ACCEPTED,
            spec.engine(),
            spec.publicKey(),
            spec.espKeyId(),
            spec.endpoints(),
            ranges,
            addresses,
            List.of(),
            Map.of(),
            conditions());
    return object(
        api.send(
            "PATCH",
            KIND.path(claimed.metadata().name(), "status"),
            ServerApi.MERGE_PATCH,
            new StatusChange(claimed, status, false).patch(),
            as("culvert-registrar", "registrar", "uid-of-the-registrar")));
  }

  private static List<Condition> conditions() {
    String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    return Stream.of("KeyAccepted", "RangesKnown", "NoConflict")
        .map(type -> new Condition(type, "True", type, "", now, null))
        .toList();
  }

  /** Deletes a CulvertNode, as Kubernetes does when its Node is gone. */
  void delete(String name) {
    api.send("DELETE", KIND.path(name, null), ServerApi.JSON, new byte[0], Map.of());
  }

  /** The CulvertNode of a Node, if its daemon has made it. */
  @Nullable CulvertNode find(String name) {
    byte[] list =
        api.send(
            "GET",
            KIND.path() + "?fieldSelector=" + URLEncoder.encode("metadata.name=" + name, UTF_8),
            ServerApi.JSON,
            new byte[0],
            Map.of());
    for (var item : KubeJson.MAPPER.readTree(list).path("items")) {
      return KubeJson.MAPPER.treeToValue(item, CulvertNode.class);
    }
    return null;
  }

  /** The version of the collection now, from which a watch can begin. */
  String version() {
    byte[] list = api.send("GET", KIND.path() + "?limit=1", ServerApi.JSON, new byte[0], Map.of());
    return KubeJson.MAPPER.readTree(list).at("/metadata/resourceVersion").asString();
  }

  /** The headers that make a request one of an account's pod on a node. */
  private static Map<String, String> as(String account, String node, String uid) {
    return Map.of(
        "Impersonate-User",
        "system:serviceaccount:" + ClusterObjects.NAMESPACE + ":" + account,
        extra("pod-name"),
        account + "-on-" + node,
        extra("node-name"),
        node,
        extra("node-uid"),
        uid);
  }

  private static String extra(String claim) {
    return "Impersonate-Extra-" + URLEncoder.encode(CLAIMS + claim, UTF_8);
  }

  private static Node node(String name, String uid) {
    return new Node(
        new Metadata(name, null, uid, "", 0, null, null, Map.of(), Map.of(), List.of()),
        null,
        null);
  }

  private static CulvertNode object(byte[] json) {
    return KubeJson.MAPPER.readValue(json, CulvertNode.class);
  }
}
