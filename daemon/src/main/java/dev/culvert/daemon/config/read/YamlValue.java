// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.Place;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** A node of a YAML document with its position. */
final class YamlValue {
  private final Node node;
  private final Place place;

  private YamlValue(Node node, Place place) {
    this.node = node;
    this.place = place;
  }

  /** Reads a document of one root. */
  static YamlValue parse(String file, String text) throws ConfigException {
    Place whole = new Place(file, 0, "");
    try {
      Node root =
          new Compose(LoadSettings.builder().setLabel(file).build())
              .composeString(text)
              .orElseThrow(() -> whole.error("the file is empty"));
      return new YamlValue(root, new Place(file, line(root), ""));
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(0);
      throw new Place(file, line, "").error("not YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      throw whole.error("not YAML: " + e.getMessage());
    }
  }

  private static int line(Node node) {
    return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
  }

  Place place() {
    return place;
  }

  private YamlValue child(Node child, String key) {
    return new YamlValue(child, new Place(place.file(), line(child), key));
  }

  /** This value as a mapping with no key outside of {@code known}. */
  YamlMap map(KnownKeys known) throws ConfigException {
    if (!(node instanceof MappingNode mapping)) {
      throw place.error("must be a mapping");
    }
    Map<String, YamlValue> values = new HashMap<>();
    for (NodeTuple entry : mapping.getValue()) {
      String name = child(entry.getKeyNode(), place.key()).text();
      String path = place.key().isEmpty() ? name : place.key() + "." + name;
      YamlValue value = child(entry.getValueNode(), path);
      Place keyPlace = new Place(place.file(), line(entry.getKeyNode()), path);
      if (!known.contain(name)) {
        String successor = known.successor(name);
        throw keyPlace.error(
            successor == null
                ? "unknown key" + Suggestion.of(name, known.names())
                : "this key is now '" + successor + "'");
      }
      if (values.put(name, value) != null) {
        throw keyPlace.error("given twice");
      }
    }
    return new YamlMap(place, values);
  }

  /** This value as a mapping whose keys and scalar values are of no concern, as in metadata. */
  void freeMap() throws ConfigException {
    if (!(node instanceof MappingNode)) {
      throw place.error("must be a mapping");
    }
  }

  /** This mapping of words to words. */
  Map<String, String> texts() throws ConfigException {
    if (!(node instanceof MappingNode mapping)) {
      throw place.error("must be a mapping");
    }
    Map<String, String> texts = new HashMap<>();
    for (NodeTuple entry : mapping.getValue()) {
      String name = child(entry.getKeyNode(), place.key()).text();
      String path = place.key() + "." + name;
      if (texts.put(name, child(entry.getValueNode(), path).text()) != null) {
        throw new Place(place.file(), line(entry.getKeyNode()), path).error("given twice");
      }
    }
    return texts;
  }

  /** The items of this list. */
  List<YamlValue> list() throws ConfigException {
    if (!(node instanceof SequenceNode sequence)) {
      throw place.error("must be a list");
    }
    List<YamlValue> items = new ArrayList<>();
    for (Node item : sequence.getValue()) {
      items.add(child(item, place.key() + "[" + items.size() + "]"));
    }
    return items;
  }

  /** This scalar as it was written. */
  String text() throws ConfigException {
    if (!(node instanceof ScalarNode scalar) || scalar.getTag().equals(Tag.NULL)) {
      throw place.error("must be a single value");
    }
    return scalar.getValue();
  }

  boolean truth() throws ConfigException {
    return switch (text()) {
      case "true" -> true;
      case "false" -> false;
      default -> throw place.error("must be true or false");
    };
  }

  /** A mapping that was checked for unknown keys. */
  static final class YamlMap {
    private final Place place;
    private final Map<String, YamlValue> values;

    private YamlMap(Place place, Map<String, YamlValue> values) {
      this.place = place;
      this.values = values;
    }

    Place place() {
      return place;
    }

    @Nullable YamlValue get(String key) {
      return values.get(key);
    }

    YamlValue require(String key) throws ConfigException {
      YamlValue value = values.get(key);
      if (value == null) {
        throw place.error("needs the key '" + key + "'");
      }
      return value;
    }

    /** The items under {@code key}, none if it is absent. */
    List<YamlValue> list(String key) throws ConfigException {
      YamlValue value = values.get(key);
      return value == null ? List.of() : value.list();
    }
  }
}
