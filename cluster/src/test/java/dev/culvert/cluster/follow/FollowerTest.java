// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.state.Kept;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Holds a follower's requests, and the answers that it believes, claim by claim. */
class FollowerTest extends FollowerCase {
  @Test
  void listsAtOnceIfNothingIsKnown() {
    nodes = 5000;
    start(10, some(3));
    assertEquals(Set.of("n0", "n1", "n2"), names());
    assertEquals(now, follower.view().confirmed());
    assertTrue(follower.synced());
  }

  @Test
  void resumesWithoutAListIfTheServerHasTheKeptVersion() {
    follower = follower(Kept.of(some(3), 10));
    assertEquals(3, names().size());
    assertFalse(follower.synced());
    expect(Step.Identify.class);
    follower.identified(now, "u");
    assertEquals(10, expect(Step.Check.class).version());
    checked(12);
    assertEquals(10, expect(Step.Watch.class).version());
    assertTrue(follower.synced());
  }

  @Test
  void listsAnewIfTheServerIsBehindTheKeptVersion() {
    follower = follower(Kept.of(some(3), 10));
    follower.identified(now, "u");
    follower.failed(now, error(KubeException.TOO_LARGE_VERSION));
    assertNull(expect(Step.ListPage.class).next());
    assertEquals(3, names().size());
  }

  @Test
  void refusesAnotherCluster() {
    follower = follower(Kept.of(some(3), 10));
    follower.identified(now, "other");
    assertTrue(String.valueOf(follower.view().trouble()).contains("another cluster"));
    passWait();
    expect(Step.Identify.class);
    assertEquals(3, names().size());
    follower.identified(now, "u");
    expect(Step.Check.class);
  }

  @Test
  void believesThePagesOfAListOnlyTogether() {
    follower.identified(now, "u");
    follower.page(now, new Page<>(List.of(node("n0", 1)), "10", "more"));
    assertEquals("more", expect(Step.ListPage.class).next());
    assertEquals(Set.of(), names());
    follower.page(now, page(10, List.of(node("n1", 2))));
    assertEquals(Set.of("n0", "n1"), names());
  }

  @Test
  void beginsAListAgainIfItExpiresHalfWay() {
    start(10, some(10));
    follower.failed(now, error(KubeException.GONE));
    passWait();
    follower.page(now, new Page<>(some(2), "20", "more"));
    follower.failed(now, error(KubeException.GONE));
    assertTrue(passWait().compareTo(Duration.ZERO) > 0);
    assertNull(expect(Step.ListPage.class).next());
    assertEquals(10, names().size());
    follower.page(now, page(30, some(9)));
    assertEquals(9, names().size());
  }

  @Test
  void refusesPagesOfTwoVersions() {
    start(10, some(10));
    follower.failed(now, error(KubeException.GONE));
    passWait();
    follower.page(now, new Page<>(some(9), "20", "more"));
    follower.page(now, page(21, List.of()));
    assertEquals(10, names().size());
    passWait();
    expect(Step.Identify.class);
  }

  @Test
  void takesWhatAWatchTells() {
    start(10, some(2));
    assertTrue(follower.change(now, change(Change.Type.ADDED, node("new", 11))));
    assertTrue(follower.change(now, change(Change.Type.MODIFIED, node("n0", 12, "other"))));
    assertTrue(follower.change(now, change(Change.Type.DELETED, node("n1", 13))));
    pass(Duration.ofSeconds(50));
    assertTrue(follower.change(now, new Change<>(Change.Type.BOOKMARK, null, "99")));
    assertEquals(Set.of("new", "n0"), names());
    assertEquals(node("n0", 12, "other"), follower.view().objects().get("n0"));
    assertEquals(99, follower.view().version());
    assertEquals(now, follower.view().confirmed());
  }

  @Test
  void endsAWatchThatGoesBack() {
    start(10, some(2));
    assertFalse(follower.change(now, change(Change.Type.DELETED, node("n1", 9))));
    assertEquals(2, names().size());
    passWait();
    expect(Step.Identify.class);
  }

  @Test
  void asksForTheVersionAgainAfterEachWatch() {
    start(10, some(2));
    pass(Duration.ofMinutes(6));
    follower.watchEnded(now);
    assertEquals(10, expect(Step.Check.class).version());
  }

  @Test
  void doesNotBeginAWatchThatEndsAtOnceWithoutAWait() {
    start(10, some(2));
    Duration waited = Duration.ZERO;
    for (int i = 0; i < 20; i++) {
      follower.watchEnded(now);
      waited = waited.plus(passWait());
      checked(10);
      expect(Step.Watch.class);
    }
    assertTrue(waited.compareTo(Duration.ofSeconds(60)) > 0, waited.toString());
  }

  @Test
  void asksAgainSoonerTheFewerNodesThereAre() {
    start(10, some(2));
    assertEquals(Duration.ofSeconds(2), longestWait(3), "a small cluster");
    assertEquals(Duration.ofSeconds(12), longestWait(200), "60 ms for each of 200 nodes");
    assertEquals(Duration.ofSeconds(30), longestWait(5_000), "a large cluster");
    assertEquals(Duration.ofSeconds(30), longestWait(0), "a node that knows none yet");
  }

  /** The longest of many waits without the API, rounded up to a second. */
  private Duration longestWait(int ofNodes) {
    nodes = ofNodes;
    Duration longest = Duration.ZERO;
    for (int i = 0; i < 500; i++) {
      follower.failed(now, error(KubeException.NO_ANSWER));
      Duration wait = passWait();
      longest = wait.compareTo(longest) > 0 ? wait : longest;
    }
    return longest.plusMillis(999).truncatedTo(ChronoUnit.SECONDS);
  }

  @Test
  void keepsEverythingForThreeDaysWithoutTheApi() {
    start(10, some(200));
    nodes = 500;
    int requests = 0;
    for (long end = now + Duration.ofDays(3).toNanos(); now < end; requests++) {
      follower.failed(now, error(KubeException.NO_ANSWER));
      Duration wait = passWait();
      assertTrue(wait.compareTo(Duration.ofMillis(199)) > 0, wait.toString());
      assertTrue(wait.compareTo(Duration.ofSeconds(30)) <= 0, wait.toString());
      expect(Step.Identify.class);
    }
    assertTrue(requests < 72 * 3600 / 10, "no hammering: " + requests);
    assertEquals(200, names().size());
    assertEquals("error 0", follower.view().trouble());
    assertTrue(now - follower.view().confirmed() > Duration.ofHours(71).toNanos());
    follower.identified(now, "u");
    checked(10);
    assertNull(follower.view().trouble());
  }

  /** The time of a hold is over after minutes, but only a list ends it. */
  @Test
  void keepsWhatIsHeldForThreeDaysWithoutTheApiAndThroughRestarts() {
    start(10, some(10));
    relist(20, some(4));
    long lastStart = now;
    for (long end = now + Duration.ofDays(3).toNanos(); now < end; ) {
      follower.failed(now, error(KubeException.NO_ANSWER));
      passWait();
      assertEquals(10, names().size());
      assertEquals(6, follower.view().missing().size());
      if (now - lastStart > Duration.ofHours(7).toNanos()) {
        lastStart = now;
        follower = follower(follower.view().kept());
      }
    }
    follower.identified(now, "u");
    checked(20);
    expect(Step.ListPage.class);
    follower.page(now, page(30, some(10)));
    assertEquals(10, names().size());
    assertEquals(Set.of(), follower.view().missing());
  }

  @Test
  void waitsAsLongAsTheServerAsks() {
    start(10, some(2));
    follower.failed(now, new KubeException(429, "busy", Duration.ofSeconds(77), null));
    assertTrue(passWait().compareTo(Duration.ofSeconds(77)) >= 0);
  }

  @Test
  void watchesForARandomTimeAndNotForLongInSilence() {
    start(10, some(2));
    Step.Watch watch = expect(Step.Watch.class);
    assertTrue(watch.timeout().compareTo(Duration.ofMinutes(5)) >= 0);
    assertTrue(watch.timeout().compareTo(Duration.ofMinutes(10)) <= 0);
    assertFalse(watch.timeout().equals(expect(Step.Watch.class).timeout()));
    assertEquals(Duration.ofSeconds(90), watch.silence());
  }

  /** A server that is well sends no bookmarks of a kind that it saw no change of. */
  @Test
  void aSilentWatchIsNoTroubleIfTheServerAnswers() {
    start(10, some(2));
    pass(Duration.ofSeconds(90));
    follower.failed(now, error(KubeException.SILENCE));
    assertNull(follower.view().trouble());
    expect(Step.Identify.class);
    follower.identified(now, "u");
    assertEquals("n1", expect(Step.Check.class).key(), "it may be a restored server");
    checked(10);
    expect(Step.Watch.class);
    assertNull(follower.view().trouble());
  }

  @Test
  void spreadsListsOfManyNodesOverTime() {
    start(10, some(5000));
    nodes = 5000;
    Duration most = Duration.ZERO;
    for (int i = 0; i < 200; i++) {
      follower.failed(now, error(KubeException.GONE));
      Duration wait = passWait();
      most = most.compareTo(wait) > 0 ? most : wait;
      follower.page(now, page(10 + i, some(5000)));
      follower.change(now, new Change<>(Change.Type.BOOKMARK, null, "" + (10 + i)));
    }
    assertTrue(most.compareTo(Duration.ofMinutes(4)) > 0, most.toString());
    assertTrue(most.compareTo(Duration.ofMinutes(5)) <= 0, most.toString());
  }

  @Test
  void doesNotSpreadTheListsOfFewNodes() {
    start(10, some(50));
    nodes = 50;
    follower.failed(now, error(KubeException.GONE));
    assertTrue(passWait().compareTo(Duration.ofSeconds(1)) < 0);
  }

  @Test
  void believesAListThatLacksFew() {
    start(10, some(10));
    relist(20, some(7));
    assertEquals(7, names().size());
    assertEquals(Set.of(), follower.view().missing());
  }

  @Test
  void holdsAListThatLacksMany() {
    start(10, some(10));
    relist(20, some(6));
    assertEquals(10, names().size());
    assertEquals(Set.of("n6", "n7", "n8", "n9"), follower.view().missing());
    Duration timeout = expect(Step.Watch.class).timeout();
    assertTrue(timeout.compareTo(Duration.ofSeconds(301)) <= 0, timeout.toString());
    pass(Duration.ofMinutes(4));
    relist(30, some(6));
    assertEquals(10, names().size());
    pass(Duration.ofMinutes(2));
    follower.watchEnded(now);
    checked(40);
    expect(Step.ListPage.class);
    follower.page(now, page(40, some(6)));
    assertEquals(6, names().size());
    assertEquals(Set.of(), follower.view().missing());
  }

  @Test
  void releasesWhatIsHeldWhenItIsBack() {
    start(10, some(10));
    relist(20, some(6));
    follower.change(now, change(Change.Type.ADDED, node("n9", 21, "new")));
    assertEquals(Set.of("n6", "n7", "n8"), follower.view().missing());
    relist(30, some(9));
    assertEquals(Set.of(), follower.view().missing());
    assertEquals(9, names().size());
  }

  @Test
  void believesAtOnceAListThatIsAccepted() {
    nodes = 5000;
    start(10, some(10));
    relist(20, some(2));
    expect(Step.Watch.class);
    follower.acceptHeld(now);
    follower.watchEnded(now);
    expect(Step.ListPage.class);
    follower.page(now, page(21, some(2)));
    assertEquals(2, names().size());
    relist(30, some(1));
    assertEquals(2, names().size(), "a later list is not accepted");
  }

  @Test
  void believesAnEmptyListOnlyTwiceAMinuteApartEvenIfItIsAccepted() {
    start(10, some(3));
    relist(20, List.of());
    assertEquals(3, names().size());
    follower.acceptHeld(now);
    follower.page(now, page(21, List.of()));
    assertEquals(3, names().size());
    Duration timeout = expect(Step.Watch.class).timeout();
    assertTrue(timeout.compareTo(Duration.ofSeconds(61)) <= 0, timeout.toString());
    pass(Duration.ofSeconds(61));
    follower.watchEnded(now);
    checked(22);
    expect(Step.ListPage.class);
    follower.page(now, page(22, List.of()));
    assertEquals(Set.of(), names());
  }

  @Test
  void believesAnEmptyListAfterFiveMinutes() {
    start(10, some(1));
    relist(20, List.of());
    pass(Duration.ofMinutes(2));
    relist(30, List.of());
    assertEquals(1, names().size());
    pass(Duration.ofMinutes(4));
    relist(40, List.of());
    assertEquals(Set.of(), names());
  }

  @Test
  void refusesAVersionThatIsNoNumber() {
    follower.identified(now, "u");
    assertThrows(
        IllegalArgumentException.class, () -> follower.page(now, new Page<>(some(1), "abc", null)));
    follower.failed(now, new IllegalArgumentException("not a resourceVersion: abc"));
    assertTrue(String.valueOf(follower.view().trouble()).contains("abc"));
    passWait();
    expect(Step.Identify.class);
  }
}
