// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.fake.FakeStore;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.state.Kept;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/**
 * Holds, for random orders of changes, faults, restarts and restored backups of a simulated API:
 *
 * <ol>
 *   <li>No object leaves the view that the API has had all the time since it was last written.
 *   <li>Each object in the view was written just so, and never earlier than the one that the view
 *       had under that name before: no former key comes back, and no deleted object in its former
 *       state.
 *   <li>When the faults end, and each object has been written once more if a backup was restored,
 *       the view becomes equal to the API.
 * </ol>
 *
 * <p>Each object holds the number of the write that made it, which grows even when the versions of
 * the API run backwards. Lists that lie lack nearly all, and no longer than they may.
 */
class FollowerPropertyTest {
  private static final String PATH = ResourceKind.CULVERT_NODES.path();
  private static final int SEEDS = Integer.getInteger("culvert.follower.seeds", 100);
  private static final int STEPS = 600;
  private static final int NAMES = 12;
  private static final long SECOND = 1_000_000_000L;

  @Test
  void theViewNeverLacksWhatIsThereNeverGoesBackAndConverges() {
    int restores = 0;
    int restarts = 0;
    int deletions = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      Simulation simulation = new Simulation(seed);
      simulation.run();
      restores += simulation.restores;
      restarts += simulation.restarts;
      deletions += simulation.deletions;
    }
    assertTrue(restores > SEEDS / 2, "backups were restored: " + restores);
    assertTrue(restarts > SEEDS, "it was restarted: " + restarts);
    assertTrue(deletions > 10 * SEEDS, "objects were deleted: " + deletions);
  }

  private static final class Simulation {
    private final int seed;
    private final SplittableRandom random;
    private final FakeStore store = new FakeStore();
    private final int nodes;
    private long now;
    private long serial;
    private boolean faults = true;

    private Follower<CulvertNode> follower;
    private Kept<CulvertNode> kept = Kept.of(List.of(), 0);
    private long watching = -1;
    private long watchBegan;
    private long watchEnd;
    private List<CulvertNode> pages = List.of();
    private long pagesVersion;

    private FakeStore.@Nullable Backup backup;
    private boolean rewindUnnoticed;
    private long lieUntil;
    private final Map<Long, Long> writtenAt = new HashMap<>();
    private final Map<String, Long> lastAbsent = new HashMap<>();
    private final Map<String, Long> seenWritten = new HashMap<>();
    private final Map<String, Long> newest = new HashMap<>();
    private int restores;
    private int restarts;
    private int deletions;

    Simulation(int seed) {
      this.seed = seed;
      this.random = new SplittableRandom(seed);
      this.nodes = random.nextBoolean() ? 5 : 500;
      this.follower = follower(null);
    }

    private Follower<CulvertNode> follower(@Nullable Kept<CulvertNode> from) {
      return new Follower<>(
          FollowLimits.DEFAULT,
          Content.acceptedClaims(),
          random,
          () -> nodes,
          "uid",
          from,
          now,
          now);
    }

    void run() {
      for (int i = 0; i < STEPS; i++) {
        tick();
      }
      faults = false;
      boolean lied = lieUntil > 0;
      lieUntil = 0;
      if (lied && mayWrite()) {
        // If a list lacked objects that were never known, only another list brings them.
        store.pass(1);
        store.compact();
        breakWatch();
      }
      quiet(Duration.ofMinutes(40));
      if (restores > 0) {
        store.list(PATH).keySet().forEach(this::write);
        quiet(Duration.ofMinutes(40));
      }
      View<CulvertNode> view = follower.view();
      assertEquals(serials(truth()), serials(view.objects()), context("it did not converge"));
      assertEquals(Set.of(), view.missing(), context("held"));
      assertEquals(Map.of(), view.older(), context("held"));
    }

    private static Map<String, Long> serials(Map<String, CulvertNode> nodes) {
      Map<String, Long> serials = new TreeMap<>();
      nodes.forEach((name, node) -> serials.put(name, serial(node)));
      return serials;
    }

    private String context(String what) {
      return what + ", seed " + seed + ", version " + follower.view().version();
    }

    private void quiet(Duration time) {
      for (long end = now + time.toNanos(); now < end; ) {
        advance();
        drive();
        check();
      }
    }

    private Map<String, CulvertNode> truth() {
      Map<String, CulvertNode> truth = new TreeMap<>();
      store.list(PATH).forEach((name, object) -> truth.put(name, read(object)));
      return truth;
    }

    private static CulvertNode read(ObjectNode object) {
      return KubeJson.MAPPER.treeToValue(object, CulvertNode.class);
    }

    private void advance() {
      now += random.nextLong(1, random.nextInt(8) == 0 ? 60 * SECOND : 2 * SECOND);
    }

    private void tick() {
      advance();
      change();
      drive();
      check();
      if (random.nextInt(20) == 0) {
        kept = follower.view().kept();
      }
      if (random.nextInt(150) == 0) {
        restart();
      }
      if (follower.view().missing().isEmpty() && lieUntil < now && random.nextInt(200) == 0) {
        lieUntil = now + random.nextLong(240 * SECOND);
      }
    }

    private void change() {
      int choice = random.nextInt(100);
      String name = "n" + random.nextInt(NAMES);
      if (choice < 25 && mayWrite()) {
        write(name);
      } else if (choice < 32 && mayWrite()) {
        if (store.delete(PATH, name)) {
          deletions++;
        }
      } else if (choice == 40) {
        store.compact();
      } else if (choice == 41) {
        backup = store.backup();
      } else if (choice == 42 && backup != null && random.nextInt(3) == 0) {
        restore(backup);
      }
    }

    private void write(String name) {
      serial++;
      writtenAt.put(serial, now);
      CulvertNode node =
          Samples.node(Samples.metadata(name, 1), "write-" + serial, List.of(), List.of());
      store.put(PATH, name, (ObjectNode) KubeJson.MAPPER.valueToTree(node));
    }

    /** Numbers do not show a restored backup whose version has passed the known one. */
    private boolean mayWrite() {
      if (!rewindUnnoticed) {
        return true;
      }
      long next = store.revision() + 1;
      return next < follower.view().version() && next < kept.version();
    }

    /** With versions that run backwards, or go on rising as after {@code --bump-revision}. */
    private void restore(FakeStore.Backup to) {
      long passed = store.revision() - to.revision();
      store.restore(to);
      restores++;
      breakWatch();
      pages = List.of();
      if (random.nextBoolean()) {
        store.pass(passed + 1_000);
        store.compact();
      } else {
        rewindUnnoticed = true;
      }
    }

    private void breakWatch() {
      if (watching >= 0) {
        watching = -1;
        follower.failed(now, error(KubeException.NO_ANSWER));
      }
    }

    private void restart() {
      restarts++;
      follower = follower(kept.version() == 0 ? null : kept);
      watching = -1;
      seenWritten.clear();
      newest.clear();
      for (CulvertNode node : kept.objects()) {
        String name = node.metadata().name();
        seenWritten.put(name, writtenAt.get(serial(node)));
        newest.put(name, serial(node));
      }
    }

    private static long serial(CulvertNode node) {
      return Long.parseLong(String.valueOf(node.spec().publicKey()).substring("write-".length()));
    }

    private static KubeException error(int code) {
      return new KubeException(code, "simulated " + code, null, null);
    }

    private boolean fault(int oneIn) {
      return faults && random.nextInt(oneIn) == 0;
    }

    /** One exchange with the API, which answers, fails, is behind, or lies. */
    private void drive() {
      if (watching >= 0) {
        watch();
        return;
      }
      Step step = follower.step(now);
      if (step instanceof Step.WaitUntil) {
        return;
      }
      if (fault(8)) {
        pages = List.of();
        follower.failed(now, error(random.nextBoolean() ? 429 : KubeException.NO_ANSWER));
        return;
      }
      long served = store.revision() - (fault(5) ? random.nextInt(3) : 0);
      switch (step) {
        case Step.Identify() -> follower.identified(now, "uid");
        case Step.Check check -> {
          if (check.version() > served) {
            follower.failed(now, error(KubeException.TOO_LARGE_VERSION));
          } else {
            String key = check.key();
            follower.checked(now, Long.toString(served), key == null ? null : truth().get(key));
          }
        }
        case Step.ListPage page -> list(page);
        case Step.Watch watch -> {
          watching = watch.version();
          watchBegan = now;
          watchEnd = now + watch.timeout().toNanos();
        }
        case Step.WaitUntil wait -> throw new AssertionError(wait);
      }
    }

    private void list(Step.ListPage step) {
      int from = step.next() == null ? 0 : Integer.parseInt(step.next());
      if (step.next() == null) {
        pages = new ArrayList<>(truth().values());
        if (now < lieUntil) {
          pages = pages.isEmpty() || random.nextBoolean() ? List.of() : pages.subList(0, 1);
        }
        pagesVersion = store.revision();
      } else if (fault(6)) {
        follower.failed(now, error(KubeException.GONE));
        return;
      } else if (pages.isEmpty()) {
        follower.failed(now, error(KubeException.GONE));
        return;
      }
      int to = Math.min(pages.size(), from + random.nextInt(1, 5));
      follower.page(
          now,
          new Page<>(
              pages.subList(from, to),
              Long.toString(pagesVersion),
              to < pages.size() ? Integer.toString(to) : null));
    }

    private void watch() {
      if (fault(15)) {
        watching = -1;
        follower.failed(now, error(KubeException.NO_ANSWER));
        return;
      }
      if (now >= watchEnd) {
        watching = -1;
        follower.watchEnded(now);
        return;
      }
      if (watching > store.revision()) {
        // A version of the future: the server says nothing at all.
        if (now - watchBegan > FollowLimits.DEFAULT.silence().toNanos()) {
          watching = -1;
          follower.failed(now, error(KubeException.NO_ANSWER));
        }
        return;
      }
      List<FakeStore.Event> events = store.after(PATH, watching);
      if (events == null) {
        watching = -1;
        follower.failed(now, error(KubeException.GONE));
        return;
      }
      int some = faults ? random.nextInt(events.size() + 1) : events.size();
      for (FakeStore.Event event : events.subList(0, some)) {
        tell(Change.Type.valueOf(event.type()), read(event.object()), event.revision());
      }
      if (some == events.size() && random.nextBoolean()) {
        tell(Change.Type.BOOKMARK, null, store.revision());
      }
    }

    private void tell(Change.Type type, @Nullable CulvertNode object, long revision) {
      watching = revision;
      boolean goOn = follower.change(now, new Change<>(type, object, Long.toString(revision)));
      assertTrue(goOn, context("a change in order was refused"));
    }

    private void check() {
      View<CulvertNode> view = follower.view();
      if (rewindUnnoticed && view.version() <= store.revision()) {
        rewindUnnoticed = false;
        kept = follower.view().kept();
      }
      Set<String> present = store.list(PATH).keySet();
      for (int i = 0; i < NAMES; i++) {
        String name = "n" + i;
        if (!present.contains(name)) {
          lastAbsent.put(name, now);
        }
        CulvertNode seen = view.objects().get(name);
        Long since = seenWritten.get(name);
        if (seen == null && since != null) {
          assertTrue(
              lastAbsent.getOrDefault(name, -1L) >= since,
              context(name + " left the view, and was there all the time"));
          seenWritten.remove(name);
        } else if (seen != null) {
          seenWritten.put(name, writtenAt.get(serial(seen)));
          long number = serial(seen);
          assertTrue(
              number >= newest.getOrDefault(name, 0L),
              context(name + " went back from write " + newest.get(name) + " to " + number));
          newest.put(name, number);
        }
      }
    }
  }
}
