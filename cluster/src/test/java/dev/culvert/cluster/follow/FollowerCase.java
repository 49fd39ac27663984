// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.state.Kept;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A follower of nodes, in a time that passes when a test says so. */
abstract class FollowerCase {
  static final FollowLimits LIMITS = FollowLimits.DEFAULT;
  static final long SECOND = 1_000_000_000L;

  long now = 1_000 * SECOND;
  int nodes;
  Follower<CulvertNode> follower = follower(null);

  Follower<CulvertNode> follower(@Nullable Kept<CulvertNode> kept) {
    return follower(Content.acceptedClaims(), kept);
  }

  Follower<CulvertNode> follower(Content<CulvertNode> content, @Nullable Kept<CulvertNode> kept) {
    SplittableRandom random = new SplittableRandom(7);
    return new Follower<>(
        LIMITS, content, random, () -> nodes, kept == null ? null : "u", kept, now, now);
  }

  static CulvertNode node(String name, long version, String key) {
    return Samples.node(Samples.metadata(name, version), Samples.key(key), List.of(), List.of());
  }

  static CulvertNode node(String name, long version) {
    return node(name, version, name);
  }

  static List<CulvertNode> some(int count) {
    return IntStream.range(0, count).mapToObj(i -> node("n" + i, i + 1L)).toList();
  }

  static Page<CulvertNode> page(long version, List<CulvertNode> items) {
    return new Page<>(items, Long.toString(version), null);
  }

  static KubeException error(int code) {
    return new KubeException(code, "error " + code, null, null);
  }

  /** The API deletes these objects one by one, and says so in an unbroken watch. */
  final void delete(long version, List<CulvertNode> items) {
    delete(version, items, KindStanding.UNKNOWN);
  }

  final void delete(long version, List<CulvertNode> items, KindStanding kind) {
    for (int i = 0; i < items.size(); i++) {
      String name = items.get(i).metadata().name();
      follower.change(now, change(Change.Type.DELETED, node(name, version + i)), kind);
    }
  }

  /** The server has this version, and the object that it is asked for as it is known. */
  final void checked(long version) {
    Step.Check check = expect(Step.Check.class);
    String key = check.key();
    CulvertNode asked = key == null ? null : follower.view().objects().get(key);
    follower.checked(now, Long.toString(version), asked);
  }

  final Set<String> names() {
    return follower.view().objects().keySet();
  }

  final <S extends Step> S expect(Class<S> step) {
    return assertInstanceOf(step, follower.step(now));
  }

  /** Goes on to the end of the wait that is asked for, if any. */
  final Duration passWait() {
    if (follower.step(now) instanceof Step.WaitUntil(long until)) {
      Duration wait = Duration.ofNanos(until - now);
      now = until;
      return wait;
    }
    return Duration.ZERO;
  }

  final void pass(Duration time) {
    now += time.toNanos();
  }

  /** Follows a first list of these objects, up to the watch. */
  final void start(long version, List<CulvertNode> items) {
    expect(Step.Identify.class);
    follower.identified(now, "u");
    assertNull(expect(Step.ListPage.class).next());
    follower.page(now, page(version, items));
    assertEquals(version, expect(Step.Watch.class).version());
  }

  /** The history is gone, and the API has this list. */
  final void relist(long version, List<CulvertNode> items) {
    follower.failed(now, error(KubeException.GONE));
    passWait();
    expect(Step.ListPage.class);
    follower.page(now, page(version, items));
  }

  static Change<CulvertNode> change(Change.Type type, CulvertNode node) {
    return new Change<>(type, node, node.metadata().resourceVersion());
  }
}
