// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Metadata;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Holds the states that a follower believes after a restore of etcd, claim by claim. */
class RestoredBackupTest extends FollowerCase {
  /** The node claims one key, and another one is accepted. */
  private static CulvertNode node(String name, long version, String claimed, String accepted) {
    CulvertNode node = node(name, version, accepted);
    CulvertNode.Spec spec = node.spec();
    return new CulvertNode(
        node.metadata(),
        new CulvertNode.Spec(
            spec.nodeUID(), spec.engine(), Samples.key(claimed), null, spec.endpoints(), null),
        node.status());
  }

  private static CulvertNode generation(long generation, CulvertNode node) {
    Metadata old = node.metadata();
    return new CulvertNode(
        new Metadata(
            old.name(),
            null,
            old.uid(),
            old.resourceVersion(),
            generation,
            old.creationTimestamp(),
            null,
            old.labels(),
            old.annotations(),
            old.ownerReferences()),
        node.spec(),
        node.status());
  }

  private static CulvertNode range(String range, CulvertNode node) {
    return new CulvertNode(
        node.metadata(),
        node.spec(),
        Samples.node(node.metadata(), key(node), List.of(range), List.of()).status());
  }

  private Set<String> older() {
    return follower.view().older().keySet();
  }

  /** The accepted key. */
  private static String key(CulvertNode node) {
    return String.valueOf(Objects.requireNonNull(node.status()).publicKey());
  }

  private String key(String name) {
    return key(Objects.requireNonNull(follower.view().objects().get(name)));
  }

  private void see(CulvertNode node) {
    assertTrue(follower.change(now, change(Change.Type.MODIFIED, node)));
  }

  @Test
  void doesNotDeleteByAListOlderThanWhatIsKnown() {
    start(100, some(10));
    relist(50, some(9));
    assertEquals(10, names().size());
    assertEquals(Set.of("n9"), follower.view().missing());
    assertEquals(50, follower.view().rewoundTo());
    pass(Duration.ofMinutes(9));
    relist(51, some(9));
    assertEquals(10, names().size(), "it publishes itself anew, and is accepted after 5 minutes");
    pass(Duration.ofMinutes(2));
    relist(52, some(9));
    assertEquals(9, names().size());
  }

  @Test
  void doesNotBelieveAFormerKeyOfARestoredBackup() {
    start(100, List.of(node("a", 90, "new"), node("b", 2)));
    List<CulvertNode> restored = List.of(node("a", 40, "old"), node("b", 2));
    relist(50, restored);
    assertEquals(node("a", 90, "new"), follower.view().objects().get("a"));
    assertEquals(Set.of("a"), older());
    pass(Duration.ofHours(1));
    relist(60, restored);
    assertEquals(node("a", 90, "new"), follower.view().objects().get("a"));
    follower.change(now, change(Change.Type.MODIFIED, node("a", 61, "newest")));
    assertEquals(node("a", 61, "newest"), follower.view().objects().get("a"));
    assertEquals(Set.of(), older());
  }

  @Test
  void doesNotBelieveThatADeletedNodeIsBackInARestoredBackup() {
    start(100, some(3));
    List<CulvertNode> restored = List.of(node("n0", 1), node("n1", 2), node("n2", 3), node("x", 9));
    relist(50, restored);
    assertEquals(Set.of("n0", "n1", "n2"), names());
    assertEquals(Set.of("x"), older());
    follower.acceptHeld(now);
    follower.page(now, page(51, restored));
    assertEquals(Set.of("n0", "n1", "n2", "x"), names());
    assertEquals(0, follower.view().rewoundTo());
  }

  @Test
  void remembersOnDiskWhatIsHeldAndWhatIsNotBelieved() {
    start(100, List.of(node("a", 90, "new"), node("b", 2), node("c", 95)));
    List<CulvertNode> restored = List.of(node("a", 40, "old"), node("b", 2), node("x", 9));
    relist(50, restored);
    assertEquals(Set.of("c"), follower.view().missing());
    pass(Duration.ofMinutes(4));
    follower = follower(follower.view().kept());
    assertEquals(Set.of("a", "b", "c"), names());
    follower.identified(now, "u");
    checked(50);
    expect(Step.Watch.class);
    pass(Duration.ofMinutes(2));
    relist(60, restored);
    assertEquals(Set.of("a", "b", "c"), names());
    assertEquals(node("a", 90, "new"), follower.view().objects().get("a"));
    pass(Duration.ofMinutes(10));
    relist(61, restored);
    assertEquals(Set.of("a", "b"), names());
    assertEquals(Set.of("a", "x"), older());
  }

  @Test
  void aKeyThatItsNodeClaimsAgainStaysUntilTheRegistrarAcceptsItAgain() {
    start(100, List.of(node("a", 90, "new"), node("b", 2)));
    relist(50, List.of(node("a", 40, "old"), node("b", 2)));
    see(node("a", 61, "new", "old"));
    assertEquals(Samples.key("new"), key("a"), "the status is still that of the backup");
    assertEquals(Set.of("a"), older());
    see(node("a", 70, "new"));
    assertEquals(Samples.key("new"), key("a"));
    assertEquals(Set.of(), older());
  }

  @Test
  void aKeyThatItsNodeClaimedBeforeTheFirstListStays() {
    start(100, List.of(node("a", 90, "new"), node("b", 2)));
    relist(150, List.of(node("a", 140, "new", "old"), node("b", 2)));
    assertEquals(Samples.key("new"), key("a"), "though nothing shows that etcd was restored");
    assertEquals(0, follower.view().rewoundTo());
    see(node("a", 160, "new"));
    assertEquals(Set.of(), older());
  }

  @Test
  void aNodeThatWasAwayFollowsTheKeyThatIsClaimed() {
    start(100, List.of(node("a", 90, "one"), node("b", 2)));
    relist(150, List.of(node("a", 140, "three", "two"), node("b", 2)));
    assertEquals(Samples.key("one"), key("a"), "the node has neither the first nor the second");
    assertEquals(Set.of("a"), older());
    see(node("a", 151, "two", "two"));
    assertEquals(Samples.key("two"), key("a"));
    assertEquals(Set.of(), older());
  }

  @Test
  void aChangeOfTheClaimAloneDoesNotBringTheFormerRangesBack() {
    start(100, List.of(range("10.1.0.0/24", node("a", 90)), node("b", 2)));
    CulvertNode before = range("10.2.0.0/24", node("a", 40));
    relist(50, List.of(before, node("b", 2)));
    CulvertNode claimed = range("10.2.0.0/24", generation(9, node("a", 61)));
    see(claimed);
    assertEquals(range("10.1.0.0/24", node("a", 90)), follower.view().objects().get("a"));
    follower = follower(follower.view().kept());
    follower.identified(now, "u");
    checked(70);
    expect(Step.Watch.class);
    relist(80, List.of(claimed, node("b", 2)));
    assertEquals(
        range("10.1.0.0/24", node("a", 90)),
        follower.view().objects().get("a"),
        "nor after a restart");
    see(range("10.3.0.0/24", node("a", 81)));
    assertEquals(range("10.3.0.0/24", node("a", 81)), follower.view().objects().get("a"));
  }

  @Test
  void aRestoreThatHasPassedTheKnownVersionIsNoticedByOneOlderObject() {
    start(100, List.of(node("a", 90, "new"), node("b", 2), node("c", 95)));
    List<CulvertNode> restored = List.of(node("a", 40, "old"), node("b", 2), node("x", 9));
    relist(2_000, restored);
    assertEquals(100, follower.view().rewoundTo());
    assertEquals(Samples.key("new"), key("a"));
    assertEquals(Set.of("a", "x"), older(), "x was deleted after the backup");
    assertEquals(Set.of("c"), follower.view().missing());
    see(node("d", 2_001));
    relist(2_010, List.of(node("a", 40, "old"), node("b", 2), node("x", 9), node("d", 2_001)));
    assertEquals(Set.of("a", "b", "c", "d"), names());
    assertEquals(100, follower.view().rewoundTo(), "it is noticed once");
  }

  @Test
  void aWatchThatShowsAnOlderClaimLeadsToAList() {
    start(100, List.of(generation(3, node("a", 90, "new"))));
    CulvertNode annotated = generation(2, node("a", 101, "old"));
    assertFalse(follower.change(now, change(Change.Type.MODIFIED, annotated)));
    assertEquals(Samples.key("new"), key("a"));
    passWait();
    expect(Step.Identify.class);
    follower.identified(now, "u");
    expect(Step.ListPage.class);
    follower.page(now, page(102, List.of(annotated)));
    assertEquals(Samples.key("new"), key("a"));
    assertEquals(Set.of("a"), older());
    assertEquals(101, follower.view().rewoundTo());
    assertNull(follower.view().trouble());
  }

  @Test
  void afterALossOfTheApiTheObjectThatWasWrittenLastTellsOfARestore() {
    start(100, List.of(node("a", 90, "new"), node("b", 2)));
    follower.failed(now, error(KubeException.NO_ANSWER));
    passWait();
    follower.identified(now, "u");
    assertEquals("a", expect(Step.Check.class).key());
    follower.checked(now, "2000", node("a", 40, "old"));
    expect(Step.ListPage.class);
    follower.page(now, page(2_001, List.of(node("a", 40, "old"), node("b", 2))));
    assertEquals(Samples.key("new"), key("a"));
    pass(Duration.ofMinutes(6));
    follower.watchEnded(now);
    assertNull(expect(Step.Check.class).key(), "the API was not away");
  }

  @Test
  void afterALossOfTheApiTheObjectThatWasWrittenLastHasToBeThere() {
    start(100, List.of(node("a", 90), node("b", 2)));
    follower.failed(now, error(KubeException.NO_ANSWER));
    passWait();
    follower.identified(now, "u");
    expect(Step.Check.class);
    follower.checked(now, "2000", null);
    expect(Step.ListPage.class);
  }

  @Test
  void anAdministratorsWordEndsAllDoubts() {
    start(100, List.of(node("a", 90, "new"), node("b", 2)));
    relist(50, List.of(node("a", 40, "old"), node("b", 2)));
    see(node("a", 61, "new", "old"));
    follower.acceptHeld(now);
    follower.page(now, page(62, List.of(node("a", 61, "new", "old"), node("b", 2))));
    assertEquals(Samples.key("old"), key("a"));
    assertEquals(Set.of(), older());
    see(node("a", 63, "new", "old"));
    assertEquals(Set.of(), older());
  }

  @Test
  void aDeletedNodeThatIsBackTellsOfARestore() {
    start(100, List.of(node("a", 90), node("b", 2), node("x", 9)));
    assertTrue(follower.change(now, change(Change.Type.DELETED, node("x", 101))));
    see(node("e", 102));
    follower = follower(follower.view().kept());
    follower.identified(now, "u");
    checked(102);
    relist(2_000, List.of(node("a", 90), node("b", 2), node("x", 9)));
    assertEquals(Set.of("a", "b", "e"), names(), "and the node that joined since stays");
    assertEquals(Set.of("x"), older());
    assertEquals(Set.of("e"), follower.view().missing());
  }

  @Test
  void aNodeThatAListLackedByMistakeMayComeBack() {
    start(100, some(10));
    relist(110, some(9));
    relist(120, some(10));
    assertEquals(10, names().size());
    assertEquals(0, follower.view().rewoundTo());
  }
}
