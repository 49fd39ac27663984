// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.fake;

import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * The objects of a cluster and their history, as etcd keeps them: each change has the next
 * revision, old history can be compacted, and a backup can be restored. For one thread at a time.
 */
public final class FakeStore {
  /**
   * A change in the history.
   *
   * @param before the object before it, or null
   */
  public record Event(
      long revision,
      String type,
      String path,
      String name,
      ObjectNode object,
      @Nullable ObjectNode before) {}

  /** The state at one revision. */
  public record Backup(long revision, NavigableMap<String, ObjectNode> objects) {}

  private NavigableMap<String, ObjectNode> objects = new TreeMap<>();
  private final List<Event> history = new ArrayList<>();
  private long revision = 1;
  private long compacted;

  public long revision() {
    return revision;
  }

  /** The last revision whose changes are forgotten. */
  public long compacted() {
    return compacted;
  }

  /** Creates or replaces an object, and gives it uid, creation time and version. */
  public ObjectNode put(String path, String name, ObjectNode given) {
    ObjectNode before = objects.get(path + "/" + name);
    ObjectNode object = given.deepCopy();
    ObjectNode metadata = object.withObjectProperty("metadata");
    revision++;
    metadata.put("name", name);
    metadata.put("resourceVersion", Long.toString(revision));
    metadata.put("uid", before == null ? UUID.randomUUID().toString() : text(before, "uid"));
    metadata.put(
        "creationTimestamp",
        before == null ? "2026-11-29T00:00:00Z" : text(before, "creationTimestamp"));
    objects.put(path + "/" + name, object);
    history.add(
        new Event(revision, before == null ? "ADDED" : "MODIFIED", path, name, object, before));
    return object;
  }

  private static String text(ObjectNode object, String field) {
    return object.path("metadata").path(field).asString("");
  }

  /** Creates or replaces an object. */
  public <T extends KubeObject> void put(ResourceKind<T> kind, String name, T object) {
    put(kind.path(), name, (ObjectNode) KubeJson.MAPPER.valueToTree(object));
  }

  /** Deletes an object, if it is there. */
  public boolean delete(String path, String name) {
    ObjectNode before = objects.remove(path + "/" + name);
    if (before == null) {
      return false;
    }
    revision++;
    ObjectNode last = before.deepCopy();
    last.withObjectProperty("metadata").put("resourceVersion", Long.toString(revision));
    history.add(new Event(revision, "DELETED", path, name, last, before));
    return true;
  }

  public @Nullable ObjectNode get(String path, String name) {
    return objects.get(path + "/" + name);
  }

  /** The objects of a collection, by name. */
  public NavigableMap<String, ObjectNode> list(String path) {
    NavigableMap<String, ObjectNode> found = new TreeMap<>();
    String prefix = path + "/";
    objects
        .tailMap(prefix)
        .forEach(
            (key, object) -> {
              if (key.startsWith(prefix)) {
                found.put(key.substring(prefix.length()), object);
              }
            });
    return found;
  }

  /** The changes of a collection after {@code after}, or null if they are forgotten. */
  public @Nullable List<Event> after(String path, long after) {
    if (after < compacted) {
      return null;
    }
    return history.stream().filter(e -> e.revision() > after && e.path().equals(path)).toList();
  }

  /** Forgets the history up to now. */
  public void compact() {
    compacted = revision;
    history.clear();
  }

  public Backup backup() {
    return new Backup(revision, new TreeMap<>(objects));
  }

  /** Time runs backwards: revisions are given a second time, and the history is forgotten. */
  public void restore(Backup backup) {
    objects = new TreeMap<>(backup.objects());
    revision = backup.revision();
    compact();
  }

  /** Makes many changes cost one revision each, without objects of interest. */
  public void pass(long revisions) {
    revision += revisions;
  }
}
