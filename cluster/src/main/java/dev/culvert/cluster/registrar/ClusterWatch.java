// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.follow.Content;
import dev.culvert.cluster.follow.FollowLimits;
import dev.culvert.cluster.follow.Follower;
import dev.culvert.cluster.follow.KindFollower;
import dev.culvert.cluster.follow.Threads;
import dev.culvert.cluster.follow.View;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Follows all collections that the registrar decides from. */
final class ClusterWatch implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(ClusterWatch.class);

  private final KubeApi api;
  private final FollowLimits limits;
  private final Runnable onChange;
  private final List<KindFollower<?>> followers = new CopyOnWriteArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final KindFollower<Node> nodes;
  private final KindFollower<CulvertNode> claims;
  private Supplier<@Nullable RangeSource> ranges;
  private volatile @Nullable String undetected;
  private @Nullable Long restoredSince;

  /** A watch that has not begun. */
  ClusterWatch(KubeApi api, RangeKind kind, FollowLimits limits, Runnable onChange) {
    this.api = api;
    this.limits = limits;
    this.onChange = onChange;
    nodes = follow(ResourceKind.NODES);
    claims = follow(ResourceKind.CULVERT_NODES);
    ranges = ranges(kind);
  }

  private Supplier<@Nullable RangeSource> ranges(RangeKind kind) {
    return switch (kind) {
      case AUTO -> this::detect;
      case NODES -> RangeSources::nodes;
      case CALICO -> from(ResourceKind.CALICO_BLOCKS, CalicoBlocks::new);
      case CILIUM -> from(ResourceKind.CILIUM_NODES, RangeSources::ciliumNodes);
      case PODS -> from(ResourceKind.PODS, RangeSources::pods);
    };
  }

  private <T extends KubeObject> KindFollower<T> follow(ResourceKind<T> kind) {
    long now = System.nanoTime();
    // Few registrars are there, so their lists need not be spread over time.
    Follower<T> follower =
        new Follower<>(
            limits, Content.whole(), RandomGenerator.getDefault(), () -> 0, null, null, now, now);
    KindFollower<T> followed = new KindFollower<>(api, kind, null, follower, onChange);
    followers.add(followed);
    return followed;
  }

  private <T extends KubeObject> Supplier<@Nullable RangeSource> from(
      ResourceKind<T> kind, Function<Collection<T>, RangeSource> reader) {
    return new Ranges<>(follow(kind), reader);
  }

  /** Reads the ranges anew only when their objects changed. */
  private static final class Ranges<T extends KubeObject>
      implements Supplier<@Nullable RangeSource> {
    private final KindFollower<T> follower;
    private final Function<Collection<T>, RangeSource> reader;
    private @Nullable Map<String, T> read;
    private @Nullable RangeSource source;

    Ranges(KindFollower<T> follower, Function<Collection<T>, RangeSource> reader) {
      this.follower = follower;
      this.reader = reader;
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // A follower makes a new map for each change.
    public @Nullable RangeSource get() {
      View<T> view = follower.view();
      if (!view.known()) {
        return null;
      }
      if (read != view.objects()) {
        read = view.objects();
        source = reader.apply(view.objects().values());
      }
      return source;
    }
  }

  void start() {
    followers.forEach(this::start);
  }

  private void start(KindFollower<?> follower) {
    threads.add(Thread.ofVirtual().name("registrar-" + follower).start(follower));
  }

  /** Begins to follow the objects that tell the ranges, once it is sure which they are. */
  private @Nullable RangeSource detect() {
    try {
      RangeDetection.Finding finding = new RangeDetection(api).find();
      undetected = finding.why();
      if (finding.kind() != null) {
        LOG.info(
            LogEvent.RANGES_SOURCE, "ranges are taken from {}: {}", finding.kind(), finding.why());
        undetected = null;
        int before = followers.size();
        ranges = ranges(finding.kind());
        followers.subList(before, followers.size()).forEach(this::start);
      }
    } catch (KubeException e) {
      undetected = e.getMessage();
    }
    return null;
  }

  /** The cluster; null as long as a collection was not read completely. */
  RegistrarLoop.@Nullable Seen seen() {
    View<CulvertNode> present = claims.view();
    View<Node> presentNodes = nodes.view();
    RangeSource presentRanges = ranges.get();
    boolean restored = isRestored();
    if (!present.known() || !presentNodes.known() || presentRanges == null) {
      return null;
    }
    return new RegistrarLoop.Seen(
        presentNodes.objects(), shown(present), present.version(), presentRanges, restored);
  }

  /**
   * The claims as the API shows them, older or not: a node may have claimed its key again before
   * they were listed. Those that are missing are as they were.
   */
  private static Collection<CulvertNode> shown(View<CulvertNode> view) {
    if (view.older().isEmpty()) {
      return view.objects().values();
    }
    Map<String, CulvertNode> shown = new HashMap<>(view.objects());
    shown.putAll(view.older());
    return shown.values();
  }

  /**
   * Whether the API came back with an older state a short while ago, as after a restore of etcd.
   * Nodes that joined since the backup publish themselves anew, so nothing that seems free is given
   * away meanwhile.
   */
  private boolean isRestored() {
    if (followers.stream().allMatch(follower -> follower.view().rewoundTo() == 0)) {
      restoredSince = null;
      return false;
    }
    long now = System.nanoTime();
    Long since = restoredSince;
    if (since == null) {
      restoredSince = now;
      LOG.warn(
          LogEvent.API_WENT_BACK,
          "the API came back with an older state: no node is accepted for {} minutes, and only"
              + " proven or approved keys of nodes that are",
          limits.hold().toMinutes());
    } else if (now - since >= limits.hold().toNanos()) {
      LOG.warn(LogEvent.API_WENT_BACK, "the older state of the API is believed now");
      followers.forEach(KindFollower::acceptHeld);
    }
    return true;
  }

  /** Why a collection is not followed at the moment, or null. */
  @Nullable String trouble() {
    String why = undetected;
    if (why != null) {
      return why;
    }
    return followers.stream()
        .map(follower -> follower.view().trouble())
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }

  @Override
  public void close() {
    Threads.end(threads);
  }
}
