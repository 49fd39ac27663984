// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.OwnerReference;
import dev.culvert.cluster.resource.ResourceKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;

/** The claim as it is sent to the API. */
public final class ClaimObject {
  private static final ObjectMapper JSON = JsonMapper.builder().build();

  private ClaimObject() {}

  /** The object for a Node that has none. */
  public static byte[] whole(Node node, CulvertNode.Spec spec) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("apiVersion", ResourceKind.API_VERSION);
    object.put("kind", ResourceKind.CULVERT_NODES.kind());
    Map<String, Object> metadata = metadata(node);
    metadata.put("name", node.metadata().name());
    object.put("metadata", metadata);
    object.put("spec", spec);
    return JSON.writeValueAsBytes(object);
  }

  /** The change that makes an object's claim this one. Fields that this claim lacks are removed. */
  public static byte[] patch(Node node, CulvertNode.Spec spec) {
    Map<String, @Nullable Object> claim = new LinkedHashMap<>();
    claim.put("nodeUID", spec.nodeUID());
    claim.put("engine", spec.engine());
    claim.put("publicKey", spec.publicKey());
    claim.put("espKeyId", spec.espKeyId());
    claim.put("endpoints", spec.endpoints());
    claim.put("proof", spec.proof());
    return JSON.writeValueAsBytes(Map.of("metadata", metadata(node), "spec", claim));
  }

  /**
   * The owner, so that the object is deleted with its Node. An empty entry in {@code managedFields}
   * keeps the API server from keeping that record, which would be half of the object.
   */
  private static Map<String, Object> metadata(Node node) {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("ownerReferences", List.of(owner(node)));
    metadata.put("managedFields", List.of(Map.of()));
    return metadata;
  }

  static OwnerReference owner(Node node) {
    return OwnerReference.node(node.metadata().name(), node.metadata().uid());
  }
}
