// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Metadata;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Holds that a follower does not believe a watch that deletes many nodes, or the policy. */
class MassDeletionTest extends FollowerCase {
  /** Lets the list come that is asked for by itself. */
  private void listDue(long version, List<CulvertNode> items) {
    follower.watchEnded(now);
    checked(version);
    expect(Step.ListPage.class);
    follower.page(now, page(version, items));
  }

  @Test
  void aSingleDeletionCountsAtOnceInAnyCluster() {
    for (int count : new int[] {1, 2, 3, 10}) {
      follower = follower(null);
      start(10, some(count));
      delete(20, some(1));
      assertFalse(names().contains("n0"), count + " nodes");
      assertEquals(Set.of(), follower.view().missing());
    }
  }

  @Test
  void ofManyDeletionsAllButTheFirstOnesAreHeld() {
    start(10, some(20));
    delete(20, some(20));
    assertEquals(18, names().size());
    assertEquals(18, follower.view().missing().size());
    Duration timeout = expect(Step.Watch.class).timeout();
    assertTrue(timeout.compareTo(Duration.ofSeconds(61)) <= 0, timeout.toString());
  }

  @Test
  void nodesThatAreDeletedThemselvesGoAtOnceHoweverMany() {
    start(10, some(3));
    delete(20, some(3), KindStanding.STAYS);
    assertEquals(Set.of(), names());
    assertEquals(Set.of(), follower.view().missing());
  }

  @Test
  void noneGoesIfTheirCrdGoes() {
    start(10, some(3));
    delete(20, some(3), KindStanding.GOES);
    assertEquals(3, names().size());
    assertEquals(3, follower.view().missing().size());
  }

  @Test
  void onlyTheNodesOfASmallClusterAskForTheCrd() {
    start(10, some(3));
    Change<CulvertNode> deletion = change(Change.Type.DELETED, node("n0", 20));
    assertTrue(follower.asksForKind(deletion));
    assertFalse(follower.asksForKind(change(Change.Type.MODIFIED, node("n0", 20))));
    assertFalse(follower.asksForKind(change(Change.Type.DELETED, node("other", 20))));
    nodes = LIMITS.herdFrom();
    assertFalse(follower.asksForKind(deletion));
  }

  @Test
  void aNodeThatCameBackDoesNotCountAmongThoseThatWereDeleted() {
    start(10, some(3));
    for (int i = 0; i < 3; i++) {
      delete(20 + 2 * i, some(1));
      assertFalse(names().contains("n0"), "deletion " + i);
      follower.change(now, change(Change.Type.ADDED, node("n0", 21 + 2 * i)));
      assertTrue(names().contains("n0"));
    }
    delete(30, some(2).subList(1, 2));
    assertFalse(names().contains("n1"), "another one is the only one that is gone");
  }

  @Test
  void nodesThatAreDeletedOneByOneOverTimeGo() {
    start(10, some(20));
    List<CulvertNode> nodes = some(20);
    for (int i = 0; i < 20; i++) {
      delete(20 + i, nodes.subList(i, i + 1));
      pass(Duration.ofMinutes(1));
    }
    assertEquals(Set.of(), names());
  }

  @Test
  void nodesThatAnAutoscalerRemovesGoAfterAListAndTheTimeOfAHold() {
    start(10, some(20));
    delete(20, some(10));
    assertEquals(8, follower.view().missing().size());
    List<CulvertNode> rest = some(20).subList(10, 20);
    pass(Duration.ofSeconds(61));
    listDue(40, rest);
    assertEquals(18, names().size());
    pass(Duration.ofSeconds(301));
    listDue(50, rest);
    assertEquals(10, names().size());
    assertEquals(Set.of(), follower.view().missing());
  }

  @Test
  void theirTimeDoesNotPassWhileTheirCrdIsGone() {
    start(10, some(20));
    delete(20, some(20));
    for (int i = 0; i < 200; i++) {
      follower.failed(now, error(KubeException.NOT_FOUND));
      passWait();
      pass(Duration.ofMinutes(1));
    }
    follower = follower(follower.view().kept());
    pass(Duration.ofMinutes(10));
    follower.identified(now, "u");
    follower.checked(now, "1000", null);
    follower.page(now, page(1000, List.of(node("n7", 999))));
    assertEquals(18, names().size());
    follower.change(now, change(Change.Type.ADDED, node("n8", 1001)));
    assertEquals(16, follower.view().missing().size(), "nodes are back as they are published");
  }

  @Test
  void anAdministratorAcceptsThem() {
    start(10, some(20));
    delete(20, some(10));
    follower.acceptHeld(now);
    follower.watchEnded(now);
    expect(Step.ListPage.class);
    follower.page(now, page(40, some(20).subList(10, 20)));
    assertEquals(10, names().size());
  }

  /** The watch is of accepted nodes, so a rejection is told as a deletion. */
  @Test
  void nodesThatAnAdministratorRejectsGoAtOnceHoweverMany() {
    start(10, some(20));
    for (int i = 0; i < 20; i++) {
      CulvertNode rejected = rejected("n" + i, 100 + 2L * i);
      follower.change(now, change(Change.Type.MODIFIED, rejected));
      follower.change(now, change(Change.Type.DELETED, rejected("n" + i, 101 + 2L * i)));
    }
    assertEquals(Set.of(), names());
  }

  private static CulvertNode rejected(String name, long version) {
    CulvertNode node = node(name, version);
    Metadata plain = node.metadata();
    Metadata annotated =
        new Metadata(
            plain.name(),
            plain.namespace(),
            plain.uid(),
            plain.resourceVersion(),
            plain.generation(),
            plain.creationTimestamp(),
            null,
            Map.of(),
            Map.of(CulvertNode.REJECT, "taken over"),
            List.of());
    return new CulvertNode(annotated, node.spec(), node.status());
  }

  @Test
  void anObjectThatProtectsStaysThroughItsDeletionAndARestart() {
    follower = follower(Content.lasting(), null);
    start(10, some(1));
    delete(20, some(1));
    assertEquals(Set.of("n0"), follower.view().missing());
    assertEquals(Duration.ofMinutes(5), least(expect(Step.Watch.class).timeout()));
    follower = follower(Content.lasting(), follower.view().kept());
    for (int i = 0; i < 3; i++) {
      follower.failed(now, error(KubeException.GONE));
      passWait();
      follower.page(now, new Page<>(List.of(), Integer.toString(100 + i), null));
      pass(Duration.ofHours(1));
    }
    assertEquals(Set.of("n0"), names());
    follower.change(now, change(Change.Type.ADDED, node("n0", 200, "another")));
    assertEquals(Set.of(), follower.view().missing());
    assertEquals(Samples.key("another"), status("n0").publicKey());
  }

  /** No list is due for it, so a watch lasts as long as any. */
  private static Duration least(Duration timeout) {
    return timeout.compareTo(Duration.ofMinutes(5)) < 0 ? timeout : Duration.ofMinutes(5);
  }

  private CulvertNode.Status status(String name) {
    return Objects.requireNonNull(
        Objects.requireNonNull(follower.view().objects().get(name)).status());
  }

  @Test
  void anObjectThatProtectsGoesIfAnAdministratorAcceptsIt() {
    follower = follower(Content.lasting(), null);
    start(10, some(1));
    delete(20, some(1));
    follower.acceptHeld(now);
    follower.page(now, page(30, List.of()));
    assertEquals(Set.of("n0"), names(), "the first empty list");
    pass(Duration.ofSeconds(61));
    listDue(40, List.of());
    assertEquals(Set.of(), names());
  }
}
