// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.CulvertNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * A new status of one CulvertNode.
 *
 * @param object as it was read
 * @param nodeGone whether an accepted node is given up since its Node is not there: to be confirmed
 *     by a read of the Node
 */
public record StatusChange(CulvertNode object, CulvertNode.Status status, boolean nodeGone) {
  private static final JsonMapper JSON = JsonMapper.shared();

  public String name() {
    return object.metadata().name();
  }

  /**
   * The change as a JSON merge patch. It holds the version that was read, so the server refuses it
   * if the claim changed meanwhile, and null for each field and label to be removed.
   */
  public byte[] patch() {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("phase", status.phase().text());
    fields.put("engine", status.engine());
    fields.put("publicKey", status.publicKey());
    fields.put("espKeyId", status.espKeyId());
    fields.put("endpoints", status.endpoints());
    fields.put("ranges", status.ranges());
    fields.put("addresses", status.addresses());
    fields.put("roles", status.roles());
    Map<String, @Nullable Object> labels = new LinkedHashMap<>();
    CulvertNode.Status before = object.status();
    if (before != null) {
      before.labels().keySet().forEach(label -> labels.put(label, null));
    }
    labels.putAll(status.labels());
    fields.put("labels", labels);
    fields.put("conditions", status.conditions());
    return JSON.writeValueAsBytes(
        Map.of(
            "metadata",
            Map.of("resourceVersion", object.metadata().resourceVersion()),
            "status",
            fields));
  }
}
