// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.fake.FakeApiServer;
import dev.culvert.cluster.fake.FakeStore;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.Namespace;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.state.ClusterState;
import dev.culvert.routing.IpAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/** Holds that a node follows the cluster through a real HTTP API, with its faults. */
class ClusterFollowerTest {
  private static final ResourceKind<CulvertNode> NODES = ResourceKind.CULVERT_NODES;
  private static final long PATIENCE = 20_000_000_000L;

  /** As the real ones, but for the waits. */
  private static final FollowLimits QUICK =
      new FollowLimits(
          2,
          Duration.ofSeconds(90),
          Duration.ofMinutes(5),
          Duration.ofMinutes(10),
          Duration.ofMillis(1),
          Duration.ofMillis(20),
          Duration.ofMillis(20),
          Duration.ofMillis(100),
          0.3,
          Duration.ofMillis(300),
          0.5,
          Duration.ofMinutes(1),
          100,
          Duration.ofMillis(60),
          Duration.ofMinutes(5));

  private final FakeApiServer server = new FakeApiServer();
  private final List<ClusterSnapshot> snapshots = new CopyOnWriteArrayList<>();
  private final List<ClusterState> states = new CopyOnWriteArrayList<>();
  private @Nullable ClusterFollower follower;

  @AfterEach
  void close() {
    stop();
    server.close();
  }

  private ClusterFollower start(@Nullable ClusterState kept) {
    Fabric8Api api = new Fabric8Api(ApiAccess.anonymous(List.of(server.uri())));
    ClusterFollower started = new ClusterFollower(api, QUICK, kept, states::add);
    follower = started;
    started.start(snapshots::add);
    return started;
  }

  private void stop() {
    if (follower != null) {
      follower.close();
    }
  }

  private static void await(BooleanSupplier condition, String what) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, what);
      Thread.sleep(5);
    }
  }

  private void nodes(int from, int to) {
    IntStream.range(from, to).forEach(i -> server.put(NODES, "node-" + i, Samples.node(i)));
  }

  private Set<String> names() {
    return snapshots.isEmpty()
        ? Set.of()
        : snapshots.getLast().members().stream()
            .map(ClusterSnapshot.Member::name)
            .collect(Collectors.toSet());
  }

  private void awaitNames(String... names) throws InterruptedException {
    Set<String> wanted = Set.of(names);
    await(() -> names().equals(wanted), "not " + wanted + " but " + names());
  }

  private void awaitWatches() throws InterruptedException {
    await(() -> server.watches() == 3, "all kinds are watched");
  }

  @Test
  void listsInPagesAndFollows() throws Exception {
    nodes(0, 5);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3", "node-4");
    await(() -> following.state().synced(), "synced");
    await(() -> snapshots.getLast().exemptions() != null, "the snapshot has all kinds");
    server.delete(NODES, "node-3");
    nodes(7, 8);
    awaitNames("node-0", "node-1", "node-2", "node-4", "node-7");
    ClusterFeed.State state = following.state();
    assertNull(state.error());
    assertNull(state.held());
    assertNotNull(state.heard());
  }

  @Test
  void severalNodesThatAreDeletedOneAfterTheOtherGoAtOnce() throws Exception {
    nodes(0, 3);
    start(null);
    awaitNames("node-0", "node-1", "node-2");
    awaitWatches();
    for (int i = 0; i < 3; i++) {
      server.delete(NODES, "node-" + i);
    }
    awaitNames();
  }

  @Test
  void keepsAllNodesIfTheirCrdIsBeingDeleted() throws Exception {
    nodes(0, 3);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2");
    awaitWatches();
    ObjectNode deleted = KubeJson.MAPPER.createObjectNode();
    deleted.putObject("metadata").put("deletionTimestamp", "2026-11-30T00:00:00Z");
    server.edit(s -> s.put(ResourceKind.DEFINITIONS.path(), NODES.definition(), deleted));
    server.delete(NODES, "node-0");
    server.edit(s -> s.delete(ResourceKind.DEFINITIONS.path(), NODES.definition()));
    server.delete(NODES, "node-1");
    await(
        () -> {
          String held = String.valueOf(following.state().held());
          return held.contains("node-0") && held.contains("node-1");
        },
        "both are held");
    assertEquals(3, names().size());
  }

  /** As by kubectl replace --force, which a follower hears of late. */
  @Test
  void keepsAllNodesIfTheirCrdWasMadeAnewMeanwhile() throws Exception {
    nodes(0, 3);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2");
    awaitWatches();
    server.edit(
        s -> {
          String path = ResourceKind.DEFINITIONS.path();
          s.delete(path, NODES.definition());
          s.put(path, NODES.definition(), KubeJson.MAPPER.createObjectNode());
        });
    server.delete(NODES, "node-0");
    await(() -> String.valueOf(following.state().held()).contains("node-0"), "it is held");
    assertEquals(3, names().size());
  }

  @Test
  void leavesOutANodeThatIsNoLongerAccepted() throws Exception {
    nodes(0, 4);
    start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    server.edit(
        s -> {
          var node = Objects.requireNonNull(s.get(NODES.path(), "node-1")).deepCopy();
          node.withObjectProperty("status").put("phase", "Rejected");
          s.put(NODES.path(), "node-1", node);
        });
    awaitNames("node-0", "node-2", "node-3");
  }

  @Test
  void remembersTheAddressOfANodeThatIsGoneThroughARestart() throws Exception {
    nodes(0, 3);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2");
    await(() -> following.state().synced(), "synced");
    server.delete(NODES, "node-1");
    awaitNames("node-0", "node-2");
    Set<IpAddress> gone = Set.of(IpAddress.parse("192.168.0.2"));
    assertEquals(gone, snapshots.getLast().former());
    stop();
    snapshots.clear();
    start(states.getLast());
    awaitNames("node-0", "node-2");
    assertEquals(gone, snapshots.getLast().former());
  }

  /** A gateway may be killed after each of them. */
  @Test
  void noStateThatIsKeptLacksANodeAndItsFormerAddressToo() throws Exception {
    nodes(0, 12);
    ClusterFollower following = start(null);
    await(() -> following.state().synced() && keeps(12), "synced, and kept a moment later");
    for (int i = 1; i < 6; i++) {
      server.delete(NODES, "node-" + i);
      int left = 12 - i;
      await(() -> keeps(left), "kept");
    }
    for (ClusterState state : states) {
      for (int i = 1; i < 6; i++) {
        String address = "192.168.0." + (i + 1);
        assertTrue(
            nodesIn(state).contains("node-" + i)
                || Objects.requireNonNull(state.former()).containsKey(address),
            () -> address + " is lost in " + nodesIn(state) + ", " + state.former());
      }
    }
  }

  /** Whether the last state that was kept has so many nodes. */
  private boolean keeps(int nodes) {
    return !states.isEmpty() && nodesIn(states.getLast()).size() == nodes;
  }

  private static Set<String> nodesIn(ClusterState state) {
    return Objects.requireNonNull(state.nodes()).objects().stream()
        .map(node -> node.metadata().name())
        .collect(Collectors.toSet());
  }

  @Test
  void startsFromTheKeptStateWithoutTheApiAndWithoutAList() throws Exception {
    nodes(0, 4);
    start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    stop();
    ClusterState kept = states.getLast();
    nodes(4, 5);
    server.refuse(503, "starting", null);
    snapshots.clear();
    server.requests().clear();
    ClusterFollower again = start(kept);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    await(() -> again.state().error() != null, "the trouble is shown");
    assertTrue(Objects.requireNonNull(again.state().error()).contains("503 starting"));
    server.allow();
    awaitNames("node-0", "node-1", "node-2", "node-3", "node-4");
    assertEquals(List.of(), server.requests("culvertnodes?limit=2"));
  }

  @Test
  void keepsAllThroughAnApiThatIsAwayAndHearsWhatItMissed() throws Exception {
    nodes(0, 4);
    start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    awaitWatches(); // A watch that is refused would not be resumed, but begun anew.
    server.refuse(429, "storage is (re)initializing", null);
    server.cutWatches();
    server.delete(NODES, "node-0");
    server.edit(FakeStore::compact);
    await(() -> !server.requests("Match=NotOlderThan").isEmpty(), "it asks again");
    assertEquals(4, names().size());
    server.allow();
    awaitNames("node-1", "node-2", "node-3");
  }

  @Test
  void holdsAListThatLacksManyUntilItIsLackingForLong() throws Exception {
    nodes(0, 4);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    server.edit(
        s -> {
          s.delete(NODES.path(), "node-0");
          s.delete(NODES.path(), "node-1");
          s.compact();
        });
    server.cutWatches();
    await(() -> following.state().held() != null, "it is held");
    assertEquals(4, names().size());
    awaitNames("node-2", "node-3");
    assertNull(following.state().held());
  }

  @Test
  void believesWhatIsHeldIfSomebodyAccepts() throws Exception {
    nodes(0, 4);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    FakeStore.Backup[] backup = new FakeStore.Backup[1];
    server.edit(s -> backup[0] = s.backup());
    CulvertNode changed =
        Samples.node(Samples.metadata("node-1", 1), Samples.key("new"), List.of(), List.of());
    server.put(NODES, "node-1", changed);
    await(() -> key("node-1").equals(Samples.key("new")), "the new key");
    server.edit(s -> s.restore(backup[0]));
    server.cutWatches();
    await(() -> following.state().held() != null, "the former key is held");
    assertEquals(Samples.key("new"), key("node-1"));
    following.acceptHeld();
    await(() -> key("node-1").equals(Samples.key("node-1")), "the former key is accepted");
    assertNull(following.state().held());
  }

  @Test
  void keepsAllNodesAndThePolicyWithoutTheirCrdsAndThroughARestart() throws Exception {
    nodes(0, 6);
    server.put(ResourceKind.POLICIES, CulvertPolicy.NAME, policy());
    ClusterFollower following = start(null);
    await(() -> following.state().synced() && names().size() == 6, "synced");
    awaitWatches();
    server.edit(s -> s.delete(ResourceKind.DEFINITIONS.path(), NODES.definition()));
    IntStream.range(0, 6).forEach(i -> server.delete(NODES, "node-" + i));
    server.delete(ResourceKind.POLICIES, CulvertPolicy.NAME);
    String held = "CulvertPolicy: the API has these no more, and they are kept: default";
    await(() -> String.valueOf(following.state().held()).contains(held), "it is said");
    await(() -> String.valueOf(following.state().held()).contains("node-5"), "all are held");
    assertEquals(6, names().size());
    await(() -> snapshots.getLast().policy() != null, "the policy is in force");
    stop();
    snapshots.clear();
    ClusterFollower again = start(states.getLast());
    await(() -> again.state().synced() && names().size() == 6, "started again");
    assertNotNull(snapshots.getLast().policy());
    nodes(0, 6);
    server.put(ResourceKind.POLICIES, CulvertPolicy.NAME, policy());
    await(() -> again.state().held() == null, "all are back");
  }

  private static CulvertPolicy policy() {
    return new CulvertPolicy(
        Samples.metadata(CulvertPolicy.NAME, 1),
        new CulvertPolicy.Spec(List.of("10.9.0.0/16"), null, null, List.of()));
  }

  private String key(String node) {
    return snapshots.getLast().members().stream()
        .filter(m -> m.name().equals(node))
        .map(m -> String.valueOf(m.publicKey()))
        .findFirst()
        .orElse("");
  }

  @Test
  void refusesAnotherClustersData() throws Exception {
    nodes(0, 2);
    start(null);
    awaitNames("node-0", "node-1");
    stop();
    ClusterState kept = states.getLast();
    server.edit(
        s -> {
          s.delete(ResourceKind.NAMESPACES.path(), Namespace.KUBE_SYSTEM);
          s.put(
              ResourceKind.NAMESPACES.path(),
              Namespace.KUBE_SYSTEM,
              KubeJson.MAPPER.createObjectNode());
        });
    nodes(8, 9);
    ClusterFollower again = start(kept);
    await(() -> again.state().error() != null, "it is said");
    assertTrue(Objects.requireNonNull(again.state().error()).contains("another cluster"));
    assertEquals(Set.of("node-0", "node-1"), names());
    assertTrue(server.requests("watch=true").size() <= 3, "only those of the first start");
  }

  @Test
  void doesNotFollowAServerThatIsTooOldAndKeepsAllUntilItIsUpdated() throws Exception {
    nodes(0, 2);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1");
    server.version(30);
    server.delete(NODES, "node-0");
    server.edit(FakeStore::compact);
    server.cutWatches();
    await(
        () -> String.valueOf(following.state().error()).contains("v1.30.0, older than 1.31"),
        "it is said");
    assertEquals(Set.of("node-0", "node-1"), names());
    server.version(31);
    awaitNames("node-1");
    await(() -> following.state().error() == null, "all kinds are followed again");
  }

  @Test
  void startsFromTheKeptStateOnAServerThatIsTooOldAndAsksItForNothingElse() throws Exception {
    nodes(0, 2);
    start(null);
    awaitNames("node-0", "node-1");
    awaitWatches(); // No request of the first follower is on its way when the second one starts.
    stop();
    ClusterState kept = states.getLast();
    snapshots.clear();
    server.requests().clear();
    server.version(29);
    ClusterFollower again = start(kept);
    awaitNames("node-0", "node-1");
    await(() -> again.state().error() != null, "it is said");
    String error = Objects.requireNonNull(again.state().error());
    assertTrue(error.contains("tokens do not name their node"), error);
    assertEquals(
        List.of(),
        server.requests().stream().filter(request -> !request.contains("/version")).toList());
  }

  /** Each node hears of it, and does no work but to read the event. */
  @Test
  void aNodeThatWritesItsClaimInALoopCostsTheOthersNoSnapshotAndNoWrite() throws Exception {
    nodes(0, 4);
    ClusterFollower following = start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    awaitWatches();
    await(() -> following.state().synced(), "synced");
    nodes(4, 5);
    await(() -> names().size() == 5 && snapshots.getLast().exemptions() != null, "all is told");
    await(() -> !states.isEmpty() && nodesIn(states.getLast()).size() == 5, "all is written");
    int told = snapshots.size();
    int written = states.size();
    for (int i = 0; i < 500; i++) {
      String claim = "claim-" + i;
      server.edit(
          s -> {
            var node = Objects.requireNonNull(s.get(NODES.path(), "node-1")).deepCopy();
            node.withObjectProperty("spec").put("publicKey", claim);
            s.put(NODES.path(), "node-1", node);
          });
    }
    nodes(5, 6);
    await(() -> names().size() == 6, "all before it was heard");
    assertEquals(told + 1, snapshots.size());
    await(() -> nodesIn(states.getLast()).size() == 6, "and written");
    assertTrue(states.size() <= written + 2, "writes: " + (states.size() - written));
  }

  @Test
  void tellsManyChangesInFewSnapshots() throws Exception {
    nodes(0, 4);
    start(null);
    awaitNames("node-0", "node-1", "node-2", "node-3");
    int before = snapshots.size();
    nodes(0, 200);
    await(() -> names().size() == 200, "all of them");
    assertTrue(snapshots.size() - before <= 6, "not a snapshot per change");
  }
}
