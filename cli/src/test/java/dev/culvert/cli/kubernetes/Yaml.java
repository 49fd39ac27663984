// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** An object in YAML, by its keys. */
record Yaml(Map<?, ?> value) {
  /** The objects of a text with several documents; empty ones are left out. */
  static List<Yaml> all(String text) {
    List<Yaml> objects = new ArrayList<>();
    for (Object document : new Load(LoadSettings.builder().build()).loadAllFromString(text)) {
      if (document instanceof Map<?, ?> map) {
        objects.add(new Yaml(map));
      }
    }
    return objects;
  }

  @Nullable Object value(String key) {
    return value.get(key);
  }

  /** The object of a key; empty if there is none. */
  Yaml at(String key) {
    return value.get(key) instanceof Map<?, ?> map ? new Yaml(map) : new Yaml(Map.of());
  }

  String text(String key) {
    return String.valueOf(value.get(key));
  }

  /** The objects of a list. */
  List<Yaml> list(String key) {
    List<Yaml> objects = new ArrayList<>();
    if (value.get(key) instanceof List<?> list) {
      for (Object each : list) {
        objects.add(new Yaml((Map<?, ?>) each));
      }
    }
    return objects;
  }

  /** Takes the words for helm out of the metadata. */
  void withoutHooks() {
    if (value.get("metadata") instanceof Map<?, ?> metadata
        && metadata.get("annotations") instanceof Map<?, ?> annotations) {
      annotations.keySet().removeIf(key -> String.valueOf(key).startsWith("helm.sh/"));
      if (annotations.isEmpty()) {
        metadata.remove("annotations");
      }
    }
  }

  String json() {
    try {
      return new ObjectMapper().writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
