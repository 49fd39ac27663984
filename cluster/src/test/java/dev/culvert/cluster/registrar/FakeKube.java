// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.fake.FailingApi;
import dev.culvert.cluster.fake.MergePatch;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The objects of an API server, and clients of it that fail when a test wants it. */
final class FakeKube {
  private static final JsonMapper JSON = JsonMapper.shared();

  private final Map<String, ObjectNode> objects = new TreeMap<>();

  /** Whether the server is older than registrars need. */
  volatile boolean tooOld;

  private long version = 1;

  /** Statuses in the order in which they were written, by whom. */
  final List<String> writes = new ArrayList<>();

  /** Kinds of which no resource is installed. */
  final Set<ResourceKind<?>> unserved = new HashSet<>();

  /** Told after each write of a status. */
  Consumer<FakeKube> afterWrite = kube -> {};

  /** The fault that the next requests of a client meet. */
  enum Fault {
    NONE,
    /** The request does not arrive. */
    CUT,
    /** The request is done, but its answer is lost. */
    ANSWER_LOST,
    FORBIDDEN
  }

  synchronized long version() {
    return version;
  }

  synchronized <T extends KubeObject> void put(ResourceKind<T> kind, T object) {
    store(kind.path(object.metadata().name(), null), (ObjectNode) JSON.valueToTree(object));
  }

  /** The state at one version. */
  record Backup(long version, Map<String, ObjectNode> objects) {}

  synchronized Backup backup() {
    return new Backup(version, new TreeMap<>(objects));
  }

  /** Makes many changes cost one version each, without objects of interest. */
  synchronized void pass(long versions) {
    version += versions;
  }

  /** Time runs backwards: versions are given a second time. */
  synchronized void restore(Backup backup) {
    objects.clear();
    objects.putAll(backup.objects());
    version = backup.version();
  }

  synchronized void delete(ResourceKind<?> kind, String name) {
    objects.remove(kind.path(name, null));
    version++;
  }

  private ObjectNode store(String path, ObjectNode object) {
    ObjectNode metadata = object.withObjectProperty("metadata");
    metadata.put("resourceVersion", Long.toString(++version));
    if (metadata.path("uid").asString("").isEmpty()) {
      metadata.put("uid", "uid-" + version);
    }
    objects.put(path, object);
    return object;
  }

  synchronized <T extends KubeObject> List<T> all(ResourceKind<T> kind) {
    List<T> found = new ArrayList<>();
    objects.forEach(
        (path, object) -> {
          if (path.startsWith(kind.path() + "/")) {
            found.add(JSON.treeToValue(object, kind.type()));
          }
        });
    return found;
  }

  Map<String, Node> nodes() {
    Map<String, Node> nodes = new TreeMap<>();
    all(ResourceKind.NODES).forEach(node -> nodes.put(node.metadata().name(), node));
    return nodes;
  }

  CulvertNode.@Nullable Status status(String name) {
    return all(ResourceKind.CULVERT_NODES).stream()
        .filter(claim -> claim.metadata().name().equals(name))
        .findFirst()
        .map(CulvertNode::status)
        .orElse(null);
  }

  /** The cluster as a watch that does not lag sees it. */
  synchronized RegistrarLoop.Seen seen() {
    return new RegistrarLoop.Seen(
        nodes(), all(ResourceKind.CULVERT_NODES), version, RangeSources.nodes(), false);
  }

  /** A client of this server. */
  final class Client extends FailingApi {
    private final String name;
    volatile Fault reads = Fault.NONE;
    volatile Fault statusWrites = Fault.NONE;
    volatile Fault leaseWrites = Fault.NONE;

    Client(String name) {
      this.name = name;
    }

    @Override
    public void requireSupported() throws KubeException {
      meet(reads);
      if (tooOld) {
        throw new KubeException(KubeException.TOO_OLD, "older than 1.31", null, null);
      }
    }

    void cut() {
      reads = Fault.CUT;
      statusWrites = Fault.CUT;
      leaseWrites = Fault.CUT;
    }

    void heal() {
      reads = Fault.NONE;
      statusWrites = Fault.NONE;
      leaseWrites = Fault.NONE;
    }

    private void meet(Fault fault) throws KubeException {
      if (fault == Fault.CUT) {
        throw new KubeException(KubeException.NO_ANSWER, "cut off", null, null);
      }
      if (fault == Fault.FORBIDDEN) {
        throw new KubeException(KubeException.FORBIDDEN, "forbidden", null, null);
      }
    }

    private static void meetAfter(Fault fault) throws KubeException {
      if (fault == Fault.ANSWER_LOST) {
        throw new KubeException(KubeException.NO_ANSWER, "the answer is lost", null, null);
      }
    }

    private ObjectNode require(String path) throws KubeException {
      ObjectNode object = objects.get(path);
      if (object == null) {
        throw new KubeException(KubeException.NOT_FOUND, path, null, null);
      }
      return object;
    }

    @Override
    public <T extends KubeObject> Page<T> list(ResourceKind<T> kind, ListQuery query)
        throws KubeException {
      meet(reads);
      if (unserved.contains(kind)) {
        throw new KubeException(KubeException.NOT_FOUND, kind.path(), null, null);
      }
      synchronized (FakeKube.this) {
        return new Page<>(all(kind), Long.toString(version), null);
      }
    }

    @Override
    public <T extends KubeObject> T get(ResourceKind<T> kind, String object) throws KubeException {
      meet(reads);
      synchronized (FakeKube.this) {
        return JSON.treeToValue(require(kind.path(object, null)), kind.type());
      }
    }

    @Override
    public <T extends KubeObject> T create(ResourceKind<T> kind, byte[] json) throws KubeException {
      meet(leaseWrites);
      ObjectNode object = (ObjectNode) JSON.readTree(json);
      String path = kind.path(object.at("/metadata/name").asString(), null);
      synchronized (FakeKube.this) {
        if (objects.containsKey(path)) {
          throw new KubeException(KubeException.CONFLICT, path, null, null);
        }
        return JSON.treeToValue(store(path, object), kind.type());
      }
    }

    @Override
    public <T extends KubeObject> T replace(ResourceKind<T> kind, String object, byte[] json)
        throws KubeException {
      meet(leaseWrites);
      ObjectNode fresh = (ObjectNode) JSON.readTree(json);
      synchronized (FakeKube.this) {
        checkVersion(require(kind.path(object, null)), fresh);
        ObjectNode stored = store(kind.path(object, null), fresh);
        meetAfter(leaseWrites);
        return JSON.treeToValue(stored, kind.type());
      }
    }

    private static void checkVersion(ObjectNode present, ObjectNode sent) throws KubeException {
      String wanted = sent.at("/metadata/resourceVersion").asString("");
      if (!wanted.isEmpty() && !wanted.equals(present.at("/metadata/resourceVersion").asString())) {
        throw new KubeException(KubeException.CONFLICT, "modified", null, null);
      }
    }

    @Override
    public <T extends KubeObject> T patch(
        ResourceKind<T> kind, String object, @Nullable String subresource, byte[] json)
        throws KubeException {
      meet(statusWrites);
      ObjectNode patch = (ObjectNode) JSON.readTree(json);
      T answer;
      synchronized (FakeKube.this) {
        ObjectNode present = require(kind.path(object, null));
        checkVersion(present, patch);
        ObjectNode merged = present.deepCopy();
        merged.set("status", MergePatch.merged(present.get("status"), patch.get("status")));
        answer = JSON.treeToValue(store(kind.path(object, null), merged), kind.type());
        writes.add(name + " " + object);
        afterWrite.accept(FakeKube.this);
      }
      meetAfter(statusWrites);
      return answer;
    }

    @Override
    public void delete(ResourceKind<?> kind, String object, String uid) throws KubeException {
      meet(statusWrites);
      synchronized (FakeKube.this) {
        ObjectNode present = require(kind.path(object, null));
        if (!uid.equals(present.at("/metadata/uid").asString())) {
          throw new KubeException(KubeException.CONFLICT, "another uid", null, null);
        }
        FakeKube.this.delete(kind, object);
      }
    }
  }
}
