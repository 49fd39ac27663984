// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.FormerAddresses;
import dev.culvert.cluster.Snapshots;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.EncryptionExemption;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.state.ClusterState;
import dev.culvert.cluster.state.Kept;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Follows the nodes, the exemptions and the policy, and tells a listener each new snapshot: the
 * first change at once, then at most one per second. Begins with the state that was kept, if there
 * is any, before the API has answered.
 */
public final class ClusterFollower implements ClusterFeed {
  private static final EventLog LOG = EventLog.of(ClusterFollower.class);
  private static final String ACCEPTED = "status.phase=Accepted";
  private static final int NAMES = 10;
  private static final Pace SNAPSHOTS = new Pace(Duration.ofSeconds(1), Duration.ofSeconds(1));

  /** Former addresses are forgotten when nothing else changes, too. */
  private static final Duration AGAIN = Duration.ofMinutes(10);

  /** Keeps the state for the next start. */
  public interface Keeper {
    void keep(ClusterState state) throws IOException;
  }

  private final KindFollower<CulvertNode> nodes;
  private final KindFollower<EncryptionExemption> exemptions;
  private final KindFollower<CulvertPolicy> policies;

  /** Guarded by this. */
  private final FormerAddresses former;

  private final Paced snapshots;
  private final Paced writes;
  private final List<Thread> threads = new ArrayList<>();
  private final Keeper keeper;
  private volatile int nodeCount;
  private Consumer<ClusterSnapshot> listener = snapshot -> {};

  /** The last snapshot that the listener was told; only the thread that tells it reads this. */
  private @Nullable ClusterSnapshot told;

  /**
   * A follower that does nothing before {@link #start}.
   *
   * @param kept the state on disk, or null
   */
  public ClusterFollower(
      KubeApi api, FollowLimits limits, @Nullable ClusterState kept, Keeper keeper) {
    this.keeper = keeper;
    this.snapshots = new Paced("cluster-snapshots", () -> SNAPSHOTS, AGAIN, this::publish);
    this.writes =
        new Paced(
            "cluster-state",
            // A gateway that is killed meanwhile starts without the changes that came last.
            () -> Pace.ofWriting(nodeCount),
            Duration.ofDays(1),
            () -> {
              write();
              return true;
            });
    Kinds kinds = new Kinds(api, limits, kept, System.nanoTime());
    this.nodes =
        kinds.follow(
            ResourceKind.CULVERT_NODES,
            Content.acceptedClaims(),
            ACCEPTED,
            kept == null ? null : kept.nodes());
    this.exemptions =
        kinds.follow(
            ResourceKind.EXEMPTIONS,
            Content.whole(),
            null,
            kept == null ? null : kept.exemptions());
    this.policies =
        kinds.follow(
            ResourceKind.POLICIES, Content.lasting(), null, kept == null ? null : kept.policies());
    this.nodeCount = nodes.view().objects().size();
    this.former =
        kept == null
            ? new FormerAddresses(null, List.of())
            : new FormerAddresses(kept.former(), Snapshots.of(kept).members());
  }

  /** The values that the followers of all kinds have in common. */
  private final class Kinds {
    private final KubeApi api;
    private final FollowLimits limits;
    private final @Nullable String clusterUid;
    private final long confirmed;
    private final long now;

    Kinds(KubeApi api, FollowLimits limits, @Nullable ClusterState kept, long now) {
      this.api = api;
      this.limits = limits;
      this.clusterUid = kept == null ? null : kept.clusterUid();
      Duration age =
          kept == null ? Duration.ZERO : Duration.between(kept.confirmed(), Instant.now());
      this.confirmed = now - (age.isNegative() ? 0 : age.toNanos());
      this.now = now;
    }

    <T extends KubeObject> KindFollower<T> follow(
        ResourceKind<T> kind,
        Content<T> content,
        @Nullable String selector,
        @Nullable Kept<T> state) {
      RandomGenerator random = RandomGenerator.getDefault();
      Follower<T> follower =
          new Follower<>(
              limits, content, random, () -> nodeCount, clusterUid, state, confirmed, now);
      return new KindFollower<>(api, kind, selector, follower, ClusterFollower.this::changed);
    }
  }

  /** Tells the listener the kept state at once, if there is any, and begins to follow. */
  @Override
  public void start(Consumer<ClusterSnapshot> listener) {
    this.listener = listener;
    if (nodes.view().known()) {
      snapshots.due();
    }
    threads.add(Thread.ofVirtual().name("cluster-snapshots").start(snapshots));
    threads.add(Thread.ofVirtual().name("cluster-state").start(writes));
    for (KindFollower<?> kind : kinds()) {
      threads.add(Thread.ofVirtual().name("follow-" + kind).start(kind));
    }
  }

  private void changed() {
    if (nodes.view().known()) {
      snapshots.due();
      writes.due();
    }
  }

  /**
   * All that was read, at one moment. The file is made of it as well as the snapshots: if a node is
   * in neither of the file's lists, a gateway that starts from it sends to the node in clear.
   */
  private record Moment(
      View<CulvertNode> nodes, ClusterSnapshot snapshot, Map<String, Instant> former) {}

  private synchronized Moment now() {
    View<CulvertNode> view = nodes.view();
    ClusterSnapshot snapshot =
        Snapshots.of(
            view.objects().values(),
            view.missing(),
            read(exemptions.view()),
            read(policies.view()));
    former.follow(snapshot.members(), Instant.now());
    return new Moment(view, snapshot.withFormer(former.addresses()), former.kept());
  }

  /**
   * Tells the listener the snapshot if it is a new one. A changed claim alone changes nothing: if
   * it counted, its acceptance, which follows at once, would have to wait.
   */
  private boolean publish() {
    Moment now = now();
    if (!now.nodes().known()) {
      return false;
    }
    ClusterSnapshot snapshot = now.snapshot();
    nodeCount = now.nodes().objects().size();
    if (snapshot.equals(told)) {
      return false;
    }
    listener.accept(snapshot);
    told = snapshot;
    return true;
  }

  private static <T extends KubeObject> @Nullable Collection<T> read(View<T> view) {
    return view.known() ? view.objects().values() : null;
  }

  private void write() {
    String uid = nodes.clusterUid();
    if (uid == null) {
      return;
    }
    Moment now = now();
    View<CulvertNode> view = now.nodes();
    Instant confirmed = Instant.now().minusNanos(System.nanoTime() - view.confirmed());
    try {
      keeper.keep(
          new ClusterState(
              uid,
              confirmed,
              kept(view),
              kept(exemptions.view()),
              kept(policies.view()),
              now.former()));
    } catch (IOException e) {
      LOG.per("state")
          .warn(
              LogEvent.NODES_UNKEPT,
              "the cluster's state cannot be kept for the next start: {}",
              Field.reason(e));
    }
  }

  private static <T extends KubeObject> @Nullable Kept<T> kept(View<T> view) {
    return view.known() ? view.kept() : null;
  }

  /**
   * An administrator answers for the objects that are held: the API is listed at once, and believed
   * about objects that are missing, and about those that are older than was known.
   */
  @Override
  public void acceptHeld() {
    kinds().forEach(KindFollower::acceptHeld);
  }

  @Override
  public @Nullable String clusterUid() {
    return nodes.clusterUid();
  }

  @Override
  public State state() {
    View<CulvertNode> view = nodes.view();
    Instant heard =
        view.known() ? Instant.now().minusNanos(System.nanoTime() - view.confirmed()) : null;
    return new State(
        kinds().stream().allMatch(KindFollower::synced),
        heard,
        kinds().stream().mapToLong(KindFollower::failures).sum(),
        kinds().stream()
            .map(k -> k.view().trouble())
            .filter(Objects::nonNull)
            .findFirst()
            .orElse(null),
        held());
  }

  private @Nullable String held() {
    List<String> held = new ArrayList<>();
    for (KindFollower<?> kind : kinds()) {
      View<?> view = kind.view();
      if (!view.missing().isEmpty()) {
        held.add(kind + ": the API has these no more, and they are kept: " + names(view.missing()));
      }
      if (!view.older().isEmpty()) {
        held.add(
            kind
                + ": the API shows a state of these that is older than the known one, or a key that"
                + " the node does not claim, and that is not believed: "
                + names(view.older().keySet()));
      }
    }
    return held.isEmpty() ? null : String.join("; ", held);
  }

  private static String names(Set<String> names) {
    String some = names.stream().sorted().limit(NAMES).collect(Collectors.joining(", "));
    return names.size() <= NAMES ? some : some + " and " + (names.size() - NAMES) + " more";
  }

  private List<KindFollower<?>> kinds() {
    return List.of(nodes, exemptions, policies);
  }

  /** Ends the threads, and keeps the state. The listener is not called any more afterwards. */
  @Override
  public void close() {
    Threads.end(threads);
    if (nodes.view().known()) {
      write();
    }
  }
}
