// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import dev.culvert.cluster.fake.FailingApi;
import dev.culvert.cluster.fake.MergePatch;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** An API with one Node at most, and its CulvertNode. */
final class OneNodeApi extends FailingApi {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .disable(tools.jackson.databind.DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private @Nullable ObjectNode node;
  private @Nullable ObjectNode claim;
  private @Nullable KubeException failure;
  private String minor = "37";
  private String cluster = "cluster-1";
  private final List<String> written = new ArrayList<>();

  /** The Node from now on. */
  void node(String uid, String... addresses) {
    ObjectNode made = JSON.createObjectNode();
    made.putObject("metadata").put("name", "a").put("uid", uid);
    var list = made.putObject("status").putArray("addresses");
    list.addObject().put("type", "ExternalIP").put("address", "198.51.100.9");
    for (String address : addresses) {
      list.addObject().put("type", "InternalIP").put("address", address);
    }
    node = made;
  }

  /** The uid of the cluster from now on. */
  void cluster(String now) {
    cluster = now;
  }

  /** The server's version from now on. */
  void minor(String now) {
    minor = now;
  }

  /** Each answer from now on; null: none. */
  void fails(@Nullable KubeException with) {
    failure = with;
  }

  void delete() {
    claim = null;
  }

  CulvertNode claim() {
    return JSON.treeToValue(Objects.requireNonNull(claim), CulvertNode.class);
  }

  /** The changes sent, in order. */
  List<String> written() {
    return written;
  }

  static Condition refusal(String reason, String message) {
    return new Condition("KeyAccepted", "False", reason, message, null, null);
  }

  /** The registrar's word. */
  void status(CulvertNode.Phase phase, @Nullable String key, List<Condition> conditions) {
    ObjectNode status = JSON.createObjectNode().put("phase", phase.text());
    if (key != null) {
      status.put("publicKey", key);
    }
    status.set("conditions", JSON.valueToTree(conditions));
    Objects.requireNonNull(claim).set("status", status);
  }

  private void answer() throws KubeException {
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public <T extends KubeObject> T get(ResourceKind<T> kind, String name) throws KubeException {
    answer();
    if (kind.equals(ResourceKind.VERSIONS)) {
      ObjectNode version = JSON.createObjectNode().put("major", "1").put("minor", minor);
      return JSON.treeToValue(version, kind.type());
    }
    if (kind.equals(ResourceKind.NAMESPACES)) {
      ObjectNode namespace = JSON.createObjectNode();
      namespace.putObject("metadata").put("name", name).put("uid", cluster);
      return JSON.treeToValue(namespace, kind.type());
    }
    ObjectNode found = kind.kind().equals("Node") ? node : claim;
    if (found == null || !name.equals("a")) {
      throw new KubeException(KubeException.NOT_FOUND, "not found", null, null);
    }
    return JSON.treeToValue(found, kind.type());
  }

  @Override
  public <T extends KubeObject> T create(ResourceKind<T> kind, byte[] json) throws KubeException {
    answer();
    written.add(new String(json, StandardCharsets.UTF_8));
    claim = (ObjectNode) JSON.readTree(json);
    return get(kind, "a");
  }

  @Override
  public <T extends KubeObject> T patch(
      ResourceKind<T> kind, String name, @Nullable String subresource, byte[] json)
      throws KubeException {
    answer();
    written.add(new String(json, StandardCharsets.UTF_8));
    claim = (ObjectNode) MergePatch.merged(Objects.requireNonNull(claim), JSON.readTree(json));
    return get(kind, "a");
  }
}
