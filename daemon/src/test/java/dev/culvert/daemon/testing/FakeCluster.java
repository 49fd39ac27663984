// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.resource.ServerVersion;
import dev.culvert.daemon.ClusterAccess;
import dev.culvert.daemon.config.KubernetesConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A Kubernetes API that has no object but this node's Node, and tells the snapshots of a test. */
public final class FakeCluster implements ClusterAccess {
  private ClusterSnapshot remembered = ClusterSnapshot.EMPTY;
  private final List<String> created = new ArrayList<>();
  private final List<String> patched = new ArrayList<>();
  private final Map<String, KubeObject> objects = new TreeMap<>();
  private final Map<String, Function<String, ? extends KubeObject>> answers = new HashMap<>();
  private @Nullable Consumer<ClusterSnapshot> listener;
  private ClusterFeed.State state = new ClusterFeed.State(false, null, 0, null, null);
  private @Nullable ResourceKind<?> lacking;
  private @Nullable String refusal;
  private final Map<String, Integer> failures = new HashMap<>();
  private int failure;
  private boolean locked;
  private boolean heldAccepted;

  /** The state on disk. */
  public synchronized void remembers(ClusterSnapshot snapshot) {
    remembered = snapshot;
  }

  /** Whether the credentials cannot be read from now on. */
  public synchronized void locked(boolean now) {
    locked = now;
  }

  /** The API tells this. */
  public void tell(ClusterSnapshot snapshot) {
    Consumer<ClusterSnapshot> to;
    synchronized (this) {
      if (listener == null) {
        throw new IllegalStateException("nobody follows");
      }
      to = listener;
    }
    to.accept(snapshot);
  }

  /** Whether an administrator answered for the objects that were held back. */
  public synchronized boolean isHeldAccepted() {
    return heldAccepted;
  }

  /** Whether a gateway follows. */
  public synchronized boolean isFollowed() {
    return listener != null;
  }

  public synchronized void state(ClusterFeed.State now) {
    state = now;
  }

  /** The server does not know this kind of objects. */
  public synchronized void lacks(ResourceKind<?> kind) {
    lacking = kind;
  }

  /** Admission refuses changes of objects from now on. */
  public synchronized void refusesChanges(String message) {
    refusal = message;
  }

  /** The next changes of the object of that name are answered by {@code code}. */
  public synchronized void failsChanges(String name, int code, int times) {
    failures.put(name, times);
    failure = code;
  }

  /** The API has this object from now on. */
  public synchronized void has(ResourceKind<?> kind, String name, KubeObject object) {
    objects.put(kind.path(name, null), object);
  }

  /** This is a server of Kubernetes 1.{@code minor} from now on. */
  public void version(String minor) {
    has(ResourceKind.VERSIONS, ServerVersion.NAME, Samples.version(minor));
  }

  /** The API's answer to whoever creates an object of this kind. */
  public synchronized <T extends KubeObject> void answers(
      ResourceKind<T> kind, Function<String, T> answer) {
    answers.put(kind.kind(), answer);
  }

  /** The changes of objects, as JSON. */
  public synchronized List<String> patched() {
    return List.copyOf(patched);
  }

  /** The objects that were created, as JSON. */
  public synchronized List<String> created() {
    return List.copyOf(created);
  }

  @Override
  public synchronized ClusterSnapshot remembered(Path file) {
    return remembered;
  }

  @Override
  public synchronized KubeApi open(KubernetesConfig config) throws IOException {
    if (locked) {
      throw new IOException("no token");
    }
    return new Api();
  }

  @Override
  public ClusterFeed feed(KubeApi api, Path file) {
    return new ClusterFeed() {
      @Override
      public void start(Consumer<ClusterSnapshot> hears) {
        synchronized (FakeCluster.this) {
          listener = hears;
        }
      }

      @Override
      public State state() {
        synchronized (FakeCluster.this) {
          return state;
        }
      }

      @Override
      public @Nullable String clusterUid() {
        return null;
      }

      @Override
      public void acceptHeld() {
        synchronized (FakeCluster.this) {
          heldAccepted = true;
        }
      }

      @Override
      public void close() {
        synchronized (FakeCluster.this) {
          listener = null;
        }
      }
    };
  }

  private final class Api implements KubeApi {
    @Override
    public <T extends KubeObject> T get(ResourceKind<T> kind, String name) throws KubeException {
      if (kind.equals(ResourceKind.NODES)) {
        return kind.type().cast(Samples.node(name));
      }
      synchronized (FakeCluster.this) {
        KubeObject found = objects.get(kind.path(name, null));
        if (found != null) {
          return kind.type().cast(found);
        }
      }
      if (kind.equals(ResourceKind.VERSIONS)) {
        return kind.type().cast(Samples.version("37"));
      }
      throw new KubeException(KubeException.NOT_FOUND, "not found", null, null);
    }

    @Override
    public <T extends KubeObject> T create(ResourceKind<T> kind, byte[] json) {
      String text = new String(json, StandardCharsets.UTF_8);
      synchronized (FakeCluster.this) {
        Function<String, ? extends KubeObject> answer = answers.get(kind.kind());
        if (answer != null) {
          return kind.type().cast(answer.apply(text));
        }
        created.add(text);
      }
      return kind.type().cast(Samples.pending());
    }

    @Override
    public <T extends KubeObject> T patch(
        ResourceKind<T> kind, String name, @Nullable String subresource, byte[] json)
        throws KubeException {
      synchronized (FakeCluster.this) {
        if (refusal != null) {
          throw new KubeException(KubeException.INVALID, refusal, null, null);
        }
        int failing = failures.getOrDefault(name, 0);
        if (failing > 0) {
          failures.put(name, failing - 1);
          throw new KubeException(failure, "busy " + failure, null, null);
        }
        patched.add(name + " " + new String(json, StandardCharsets.UTF_8));
      }
      return get(kind, name);
    }

    @Override
    public <T extends KubeObject> T replace(ResourceKind<T> kind, String name, byte[] json) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void delete(ResourceKind<?> kind, String name, String uid) {
      throw new UnsupportedOperationException();
    }

    @Override
    public <T extends KubeObject> Page<T> list(ResourceKind<T> kind, ListQuery query)
        throws KubeException {
      synchronized (FakeCluster.this) {
        if (kind.equals(lacking)) {
          throw new KubeException(KubeException.NOT_FOUND, "no such kind", null, null);
        }
        return new Page<>(
            objects.values().stream()
                .filter(kind.type()::isInstance)
                .map(kind.type()::cast)
                .toList(),
            "1",
            null);
      }
    }

    @Override
    public <T extends KubeObject> WatchStream<T> watch(
        ResourceKind<T> kind, @Nullable String fieldSelector, String version, Duration timeout) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
  }

  /** The objects of the API. */
  private static final class Samples {
    static Node node(String name) {
      return new Node(metadata(name), null, null);
    }

    static ServerVersion version(String minor) {
      return new ServerVersion(metadata(ServerVersion.NAME), "1", minor, "v1." + minor);
    }

    static CulvertNode pending() {
      return new CulvertNode(
          metadata("a"),
          new CulvertNode.Spec("uid", "wireguard", null, null, List.of(), null),
          null);
    }

    private static Metadata metadata(String name) {
      return new Metadata(name, null, "uid", "1", 1, null, null, Map.of(), Map.of(), List.of());
    }
  }
}
