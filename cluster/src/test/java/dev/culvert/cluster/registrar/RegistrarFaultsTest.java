// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.registrar.FakeKube.Fault;
import dev.culvert.cluster.registrar.RegistrarLoop.Seen;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Two registrars with watches that lag, writes whose answers are lost and partitions, over nodes
 * that come, go, and want the same few keys, ranges and addresses.
 */
class RegistrarFaultsTest {
  private static final int NODES = 6;

  @Test
  void neverDoTwoAcceptedNodesShareAndInTheEndAllIsAtRest() throws InterruptedException {
    int accepted = 0;
    for (int each = 170; each < 190; each++) {
      accepted += new Life(each).live();
    }
    assertTrue(accepted > 10, "some nodes are accepted in the end: " + accepted);
  }

  /** One cluster. */
  private static final class Life {
    private final FakeKube kube = new FakeKube();
    private final FakeCluster objects = new FakeCluster();
    private final List<Seen> history = new ArrayList<>();
    private final Random random;
    private final String seed;
    private long nanos;
    private int uids;

    Life(int seed) {
      random = new Random(seed);
      this.seed = "seed " + seed;
      kube.afterWrite =
          written -> {
            nobodyShares();
            history.add(written.seen());
          };
      history.add(kube.seen());
    }

    /** A replica whose watch sees the past, and never goes back. */
    private final class Replica {
      final FakeKube.Client client;
      final LeaderLease lease;
      final LeaseKeeper keeper;
      final RegistrarLoop loop;
      int watched;

      Replica(String name) {
        client = kube.new Client(name);
        lease = new LeaderLease("r", name, Map.of());
        keeper = new LeaseKeeper(client, "culvert", "r", lease, () -> {}, () -> nanos);
        loop =
            new RegistrarLoop(
                client,
                new Registrar(objects.registrarKey, Registrar.Settings.NONE),
                lease,
                this::seen,
                new Counters(),
                () -> nanos);
      }

      private Seen seen() {
        return history.get(watched);
      }

      void lag() {
        int behind = history.size() - 1 - watched;
        watched += behind > 20 ? behind : random.nextInt(behind + 1);
      }

      void catchUp() {
        watched = history.size() - 1;
      }

      void fault() {
        client.heal();
        switch (random.nextInt(8)) {
          case 0 -> client.cut();
          case 1 -> client.statusWrites = Fault.ANSWER_LOST;
          case 2 -> client.statusWrites = Fault.CUT;
          case 3 -> client.leaseWrites = Fault.CUT;
          case 4 -> client.reads = Fault.CUT;
          default -> {}
        }
      }
    }

    private int live() throws InterruptedException {
      Replica one = new Replica("one");
      Replica two = new Replica("two");
      try {
        for (int step = 0; step < 250; step++) {
          if (random.nextInt(4) == 0) {
            event();
          }
          history.add(kube.seen());
          for (Replica replica : List.of(one, two)) {
            if (random.nextInt(15) == 0) {
              replica.fault();
            }
            replica.lag();
            replica.keeper.attempt();
            replica.loop.round();
          }
          nanos += Duration.ofMillis(random.nextInt(3000)).toNanos();
        }
        return rest(one, two);
      } finally {
        one.loop.close();
        two.loop.close();
      }
    }

    private int rest(Replica... replicas) throws InterruptedException {
      int writes = 0;
      for (int second = 0; second < 400; second++) {
        history.add(kube.seen());
        for (Replica replica : replicas) {
          replica.client.heal();
          replica.catchUp();
          replica.keeper.attempt();
          replica.loop.round();
        }
        nanos += Duration.ofSeconds(1).toNanos();
        if (second == 300) {
          writes = kube.writes.size();
        }
      }
      assertEquals(writes, kube.writes.size(), seed + ": something is written at rest");
      Seen end = kube.seen();
      Registrar.Decision decision =
          new Registrar(objects.registrarKey, Registrar.Settings.NONE)
              .decide(
                  new Registrar.View(end.nodes(), end.claims(), end.ranges(), Map.of(), false),
                  objects.now);
      assertEquals(0, decision.changes().size(), () -> seed + ": " + decision.changes());
      assertEquals(List.of(), decision.orphans(), seed);
      return (int)
          end.claims().stream()
              .map(CulvertNode::status)
              .filter(status -> status != null && status.phase() == Phase.ACCEPTED)
              .count();
    }

    private void event() {
      String name = "n" + random.nextInt(NODES);
      CulvertNode claim = find(name);
      switch (random.nextInt(6)) {
        case 0, 1 -> node(name);
        case 2 -> kube.delete(ResourceKind.NODES, name);
        case 3 -> kube.delete(ResourceKind.CULVERT_NODES, name);
        default -> {
          if (claim == null) {
            objects.claims.remove(name);
            objects.claim(name, FakeCluster.key(1 + random.nextInt(6)));
            kube.put(ResourceKind.CULVERT_NODES, objects.claim(name));
          } else {
            kube.put(
                ResourceKind.CULVERT_NODES,
                new CulvertNode(
                    claim.metadata(),
                    FakeCluster.spec(
                        claim.spec().nodeUID(),
                        FakeCluster.key(1 + random.nextInt(6)),
                        claim.spec().endpoints(),
                        null),
                    claim.status()));
          }
        }
      }
    }

    private void node(String name) {
      Node old = objects.nodes.get(name);
      String uid = old != null && random.nextInt(3) > 0 ? old.metadata().uid() : "uid-" + ++uids;
      objects.node(
          name,
          uid,
          Map.of(),
          List.of("10.0.0." + (1 + random.nextInt(6))),
          List.of("10.1." + random.nextInt(4) + ".0/24", "10.2." + random.nextInt(4) + ".0/24"));
      kube.put(ResourceKind.NODES, Objects.requireNonNull(objects.nodes.get(name)));
    }

    private @Nullable CulvertNode find(String name) {
      return kube.all(ResourceKind.CULVERT_NODES).stream()
          .filter(claim -> claim.metadata().name().equals(name))
          .findFirst()
          .orElse(null);
    }

    private void nobodyShares() {
      Map<String, String> owners = new HashMap<>();
      for (CulvertNode claim : kube.all(ResourceKind.CULVERT_NODES)) {
        CulvertNode.Status status = claim.status();
        if (status == null || status.phase() != Phase.ACCEPTED) {
          continue;
        }
        List<String> held = new ArrayList<>(status.ranges());
        held.addAll(status.addresses());
        held.add("" + status.publicKey());
        for (String each : held) {
          assertNull(owners.put(each, claim.metadata().name()), seed + ": two have " + each);
        }
      }
    }
  }
}
