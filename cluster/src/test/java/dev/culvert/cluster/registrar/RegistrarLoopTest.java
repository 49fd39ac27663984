// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.ResourceKind;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Registrars write into an API with faults, in a time that passes when a test says so. */
class RegistrarLoopTest {
  private final FakeKube kube = new FakeKube();
  private final FakeCluster objects = new FakeCluster();
  private long nanos;

  private final class Replica {
    final FakeKube.Client client;
    final LeaderLease lease;
    final LeaseKeeper keeper;
    final Counters counters = new Counters();
    final RegistrarLoop loop;
    Supplier<RegistrarLoop.@Nullable Seen> seen = kube::seen;

    Replica(String name) {
      client = kube.new Client(name);
      lease = new LeaderLease("r", name, Map.of());
      keeper = new LeaseKeeper(client, "culvert", "r", lease, () -> {}, () -> nanos);
      loop =
          new RegistrarLoop(
              client,
              new Registrar(objects.registrarKey, Registrar.Settings.NONE),
              lease,
              () -> seen.get(),
              counters,
              () -> nanos);
    }

    RegistrarStats stats() {
      return counters.stats(lease.holds(nanos));
    }
  }

  private final Replica one = new Replica("one");
  private final Replica two = new Replica("two");

  RegistrarLoopTest() {
    kube.afterWrite = RegistrarLoopTest::nobodyShares;
  }

  @AfterEach
  void close() {
    one.loop.close();
    two.loop.close();
  }

  private static void nobodyShares(FakeKube kube) {
    Set<String> taken = new HashSet<>();
    for (CulvertNode claim : kube.all(ResourceKind.CULVERT_NODES)) {
      CulvertNode.Status status = claim.status();
      if (status != null && status.phase() == Phase.ACCEPTED) {
        assertTrue(taken.add("" + status.publicKey()), "two have a key");
        status.ranges().forEach(range -> assertTrue(taken.add(range), "two have " + range));
      }
    }
  }

  private void node(String name, int number, String range) {
    objects.node(name, "10.0.0." + number, range).claim(name, FakeCluster.key(number));
    kube.put(ResourceKind.NODES, Objects.requireNonNull(objects.nodes.get(name)));
    kube.put(ResourceKind.CULVERT_NODES, objects.claim(name));
  }

  private void pass(int seconds, Replica... replicas) throws InterruptedException {
    for (int second = 0; second < seconds; second++) {
      for (Replica replica : replicas) {
        if (second % 2 == 0) {
          replica.keeper.attempt();
        }
        replica.loop.round();
      }
      nanos += Duration.ofSeconds(1).toNanos();
    }
  }

  private @Nullable Phase phase(String name) {
    CulvertNode.Status status = kube.status(name);
    return status == null ? null : status.phase();
  }

  @Test
  void theLeaderAcceptsAndTheOtherWritesNothing() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    pass(5, one, two);
    assertEquals(Phase.ACCEPTED, phase("a"));
    assertEquals(List.of("one a"), kube.writes);
    assertEquals(1, one.stats().writes());
    assertEquals(1, one.stats().accepted());
    assertTrue(one.stats().leads());
    pass(60, one, two);
    assertEquals(1, kube.writes.size(), "nothing is written at rest");
  }

  @Test
  void aLeaderThatIsCutOffWritesNothingMoreAndTheOtherGoesOn() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    pass(4, one, two);
    one.client.leaseWrites = FakeKube.Fault.CUT;
    one.client.reads = FakeKube.Fault.CUT;
    pass(11, one, two);
    node("b", 2, "10.1.2.0/24");
    // Its statuses would still arrive: only the Lease keeps it from writing.
    pass(2, one, two);
    assertNull(phase("b"));
    pass(20, one, two);
    assertEquals(Phase.ACCEPTED, phase("b"));
    assertEquals(List.of("one a", "two b"), kube.writes);
  }

  /** As after a stop of the whole process, or a request without an answer. */
  @Test
  void aLeaderWhoseLeaseRanOutBeforeItsKeeperLookedGoesOnByItself() throws InterruptedException {
    pass(4, one);
    node("b", 2, "10.1.2.0/24");
    nanos += LeaderLease.DURATION.toNanos();
    long wait = one.loop.round();
    assertNull(phase("b"), "it does not lead at this moment");
    one.keeper.attempt();
    assertTrue(one.stats().leads());
    assertTrue(wait <= LeaderLease.RETRY.toNanos(), "nobody wakes it: it waits for " + wait);
    nanos += wait;
    one.loop.round();
    assertEquals(Phase.ACCEPTED, phase("b"));
  }

  /** An older claim, so that it would come first if no node had the range yet. */
  private void olderClaim(String name, int number) {
    objects.claim(name, FakeCluster.key(number));
    kube.put(ResourceKind.CULVERT_NODES, objects.claim(name));
  }

  private void nodeOf(String name, int number, String range) {
    objects.node(name, "10.0.0." + number, range);
    kube.put(ResourceKind.NODES, Objects.requireNonNull(objects.nodes.get(name)));
  }

  /** A watch that has seen all but that z was accepted. */
  private Supplier<RegistrarLoop.@Nullable Seen> lagging(RegistrarLoop.Seen before) {
    CulvertNode unwritten =
        before.claims().stream()
            .filter(claim -> claim.metadata().name().equals("z"))
            .findFirst()
            .orElseThrow();
    return () ->
        new RegistrarLoop.Seen(
            kube.nodes(),
            List.of(unwritten, find("c")),
            before.claimsVersion(),
            RangeSources.nodes(),
            false);
  }

  @Test
  void aNewLeaderKnowsWhatTheOldOneWroteThoughItsWatchLags() throws InterruptedException {
    olderClaim("c", 4);
    node("z", 3, "10.1.7.0/24");
    RegistrarLoop.Seen before = kube.seen();
    pass(4, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    nodeOf("c", 4, "10.1.7.0/24");
    two.seen = lagging(before);
    pass(30, two);
    assertEquals(Phase.ACCEPTED, phase("z"));
    assertEquals(Phase.REJECTED, phase("c"));
  }

  @Test
  void aLeaderThatLeadsAgainKnowsWhatTheOtherWroteMeanwhile() throws InterruptedException {
    olderClaim("c", 4);
    pass(4, one);
    one.client.cut();
    pass(30, two, one);
    node("z", 3, "10.1.7.0/24");
    RegistrarLoop.Seen before = kube.seen();
    pass(4, two, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    two.client.cut();
    one.client.heal();
    nodeOf("c", 4, "10.1.7.0/24");
    one.seen = lagging(before);
    pass(30, one);
    assertEquals(Phase.REJECTED, phase("c"));
  }

  @Test
  void aLeaseThatIsLostBetweenDecisionAndWriteEndsTheWrite() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    StatusChange change =
        objects.decide().changes().stream()
            .map(c -> new StatusChange(find("a"), c.status(), false))
            .findFirst()
            .orElseThrow();
    boolean[] leads = {false};
    try (StatusWriter writer = new StatusWriter(one.client, () -> leads[0])) {
      assertEquals(List.of(new StatusWriter.NotSent()), writer.write(List.of(change)));
      assertEquals(List.of(), kube.writes);
      assertNotNull(writer.delete(find("a")));
      leads[0] = true;
      writer.write(List.of(change));
      assertEquals(List.of("one a"), kube.writes);
    }
  }

  private CulvertNode find(String name) {
    return kube.all(ResourceKind.CULVERT_NODES).stream()
        .filter(claim -> claim.metadata().name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatWasJustGivenIsNotGivenAgainThoughTheWatchLags() throws InterruptedException {
    olderClaim("c", 2);
    node("z", 1, "10.1.7.0/24");
    RegistrarLoop.Seen before = kube.seen();
    one.seen = () -> before;
    pass(1, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    nodeOf("c", 2, "10.1.7.0/24");
    one.seen = lagging(before);
    pass(5, one);
    assertEquals(Phase.REJECTED, phase("c"));
    assertEquals(Phase.ACCEPTED, phase("z"));
  }

  /** The watch shows the older state before it has shown the last write of this leader. */
  @Test
  void afterARestoreOfEtcdALeaderWritesAgainWhatIsLost() throws InterruptedException {
    pass(1, one);
    node("z", 1, "10.1.7.0/24");
    FakeKube.Backup backup = kube.backup();
    kube.pass(10);
    RegistrarLoop.Seen before = kube.seen();
    one.seen = () -> before;
    pass(2, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    kube.restore(backup);
    one.seen = kube::seen;
    pass(2, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    assertEquals(List.of("one z", "one z"), kube.writes);
  }

  /** The server would take it: there the object is as it was when the status was decided. */
  @Test
  void afterARestoreOfEtcdAStatusInDoubtIsNotSentAgainAndKeepsItsRanges()
      throws InterruptedException {
    olderClaim("c", 2);
    pass(1, one);
    node("z", 1, "10.1.7.0/24");
    kube.pass(10);
    FakeKube.Backup backup = kube.backup();
    kube.pass(10);
    one.client.statusWrites = FakeKube.Fault.ANSWER_LOST;
    pass(1, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    one.client.statusWrites = FakeKube.Fault.NONE;
    kube.restore(backup);
    nodeOf("c", 2, "10.1.7.0/24");
    one.seen = () -> restored(kube.seen());
    pass(20, one);
    assertEquals(1, Collections.frequency(kube.writes, "one z"));
    assertNull(phase("z"));
    assertNotEquals(Phase.ACCEPTED, phase("c"), "the status in doubt may yet arrive");
    one.seen = kube::seen;
    pass(5, one);
    assertEquals(Set.of(Phase.ACCEPTED, Phase.REJECTED), Set.of(phase("z"), phase("c")));
  }

  private static RegistrarLoop.Seen restored(RegistrarLoop.Seen now) {
    return new RegistrarLoop.Seen(
        now.nodes(), now.claims(), now.claimsVersion(), now.ranges(), true);
  }

  @Test
  void aWriteWhoseAnswerIsLostIsInDoubtUntilItIsKnown() throws InterruptedException {
    olderClaim("c", 2);
    pass(1, one);
    node("z", 1, "10.1.7.0/24");
    one.client.statusWrites = FakeKube.Fault.ANSWER_LOST;
    RegistrarLoop.Seen before = kube.seen();
    one.seen = () -> before;
    pass(1, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    assertEquals(1, one.stats().failures());
    one.client.statusWrites = FakeKube.Fault.CUT;
    nodeOf("c", 2, "10.1.7.0/24");
    one.seen = lagging(before);
    pass(8, one);
    one.client.statusWrites = FakeKube.Fault.NONE;
    pass(30, one);
    assertEquals(Phase.ACCEPTED, phase("z"));
    assertEquals(Phase.REJECTED, phase("c"));
    assertTrue(one.stats().conflicts() > 0, "the repeated write came too late");
  }

  @Test
  void theAgeOfTheOldestClaimThatWaitsIsShown() throws InterruptedException {
    olderClaim("c", 1);
    pass(1, one);
    long seconds = Duration.between(FakeCluster.START, Instant.now()).toSeconds();
    assertTrue(Math.abs(seconds - one.stats().longestPendingSeconds()) < 60);
    assertEquals(1, one.stats().pending());
    nodeOf("c", 1, "10.1.1.0/24");
    pass(3, one);
    assertEquals(0, one.stats().longestPendingSeconds());
  }

  @Test
  void anObjectIsWrittenAtMostOncePerSecond() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    pass(2, one);
    kube.writes.clear();
    for (int i = 0; i < 50; i++) {
      objects.node("a", "10.0.0." + (10 + i), "10.1.1.0/24");
      kube.put(ResourceKind.NODES, Objects.requireNonNull(objects.nodes.get("a")));
      one.loop.round();
      nanos += Duration.ofMillis(100).toNanos();
      if (i % 20 == 0) {
        one.keeper.attempt();
      }
    }
    assertTrue(kube.writes.size() >= 4 && kube.writes.size() <= 6, "" + kube.writes.size());
    pass(3, one);
    assertEquals(List.of("10.0.0.59"), Objects.requireNonNull(kube.status("a")).addresses());
  }

  @Test
  void aRefusedWriteIsRepeatedLessAndLessOften() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    one.client.statusWrites = FakeKube.Fault.FORBIDDEN;
    pass(120, one);
    assertTrue(one.stats().refusals() >= 5 && one.stats().refusals() <= 12);
    one.client.statusWrites = FakeKube.Fault.NONE;
    pass(61, one);
    assertEquals(Phase.ACCEPTED, phase("a"));
  }

  @Test
  void aNodeThatTheWatchMissesIsNotGivenUp() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    pass(2, one);
    one.seen =
        () ->
            new RegistrarLoop.Seen(
                Map.of(),
                kube.all(ResourceKind.CULVERT_NODES),
                kube.version(),
                RangeSources.nodes(),
                false);
    pass(60, one);
    assertEquals(Phase.ACCEPTED, phase("a"));
    assertEquals(0, one.stats().deletions());
  }

  @Test
  void aClaimWhoseNodeIsGoneIsGivenUpAndDeletedLater() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    pass(2, one);
    kube.delete(ResourceKind.NODES, "a");
    pass(5, one);
    assertEquals(Phase.PENDING, phase("a"));
    assertEquals(0, one.stats().deletions());
    pass(30, one);
    assertNull(kube.status("a"));
    assertEquals(1, one.stats().deletions());
  }

  @Test
  void aClaimThatIsNewUnderTheSameNameIsNotDeletedForTheOldOne() throws InterruptedException {
    node("a", 1, "10.1.1.0/24");
    pass(2, one);
    RegistrarLoop.Seen before = kube.seen();
    kube.delete(ResourceKind.NODES, "a");
    kube.delete(ResourceKind.CULVERT_NODES, "a");
    objects.nodes.clear();
    objects.node("a", "uid-2", Map.of(), List.of("10.0.0.1"), List.of("10.1.1.0/24"));
    objects.claim("a", FakeCluster.key(5));
    kube.put(ResourceKind.NODES, Objects.requireNonNull(objects.nodes.get("a")));
    kube.put(ResourceKind.CULVERT_NODES, objects.claim("a"));
    one.seen =
        () ->
            new RegistrarLoop.Seen(
                kube.nodes(), before.claims(), before.claimsVersion(), RangeSources.nodes(), false);
    pass(60, one);
    assertNotNull(find("a"));
    assertFalse(one.stats().deletions() > 0);
    one.seen = kube::seen;
    pass(10, one);
    assertEquals(FakeCluster.key(5), Objects.requireNonNull(kube.status("a")).publicKey());
  }

  @Test
  void aHundredNewNodesAndMoreAreAcceptedInSomeRounds() throws InterruptedException {
    for (int i = 1; i <= 250; i++) {
      node("n" + i, i, "10.2." + i + ".0/24");
    }
    one.keeper.attempt();
    assertEquals(0, one.loop.round());
    assertEquals(100, kube.writes.size());
    one.loop.round();
    one.loop.round();
    assertEquals(250, kube.writes.size());
    assertEquals(250, new HashSet<>(kube.writes).size());
  }
}
