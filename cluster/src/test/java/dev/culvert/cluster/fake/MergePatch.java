// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.fake;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** JSON merge patches (RFC 7396). */
public final class MergePatch {
  private MergePatch() {}

  /** The value after a patch; the target stays as it was. */
  public static JsonNode merged(@Nullable JsonNode target, JsonNode patch) {
    if (!patch.isObject()) {
      return patch;
    }
    ObjectNode merged =
        target != null && target.isObject()
            ? (ObjectNode) target.deepCopy()
            : JsonNodeFactory.instance.objectNode();
    for (Map.Entry<String, JsonNode> field : patch.properties()) {
      if (field.getValue().isNull()) {
        merged.remove(field.getKey());
      } else {
        merged.set(field.getKey(), merged(merged.get(field.getKey()), field.getValue()));
      }
    }
    return merged;
  }
}
