// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.Node;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random lives of clusters whose nodes want the same few keys, ranges and addresses. */
class RegistrarPropertyTest {
  private static final int NODES = 7;
  private static final int KEYS = 9;

  private final FakeCluster cluster = new FakeCluster();
  private int uids;

  /** By key, range or address: the accepted node that has it. */
  private Map<String, String> owners = new HashMap<>();

  @Test
  void inNoOrderOfEventsAndWritesTwoAcceptedNodesShareAKeyRangeOrAddress() {
    for (int seed = 0; seed < 25; seed++) {
      new RegistrarPropertyTest().live(new Random(seed), "seed " + seed);
    }
  }

  private void live(Random random, String seed) {
    for (int step = 0; step < 120; step++) {
      event(random);
      check(seed + " step " + step + ", event");
      // Some changes are not written, and some only after the next event.
      List<StatusChange> changes = new ArrayList<>(cluster.decide().changes());
      Collections.shuffle(changes, random);
      changes.removeIf(change -> random.nextInt(4) == 0);
      for (StatusChange change : changes) {
        cluster.write(change);
        check(seed + " step " + step);
      }
      if (step % 20 == 19) {
        settle(seed + " step " + step);
        assertEquals(List.of(), cluster.decide().changes(), seed);
      }
    }
    assertTrue(cluster.writes > 0);
  }

  private void settle(String when) {
    for (int round = 0; round < 10; round++) {
      for (StatusChange change : cluster.decide().changes()) {
        cluster.write(change);
        check(when + ", settling");
      }
    }
  }

  private void event(Random random) {
    String name = "n" + random.nextInt(NODES);
    boolean hasClaim = cluster.claims.containsKey(name);
    switch (random.nextInt(10)) {
      case 0, 1 -> node(name, random);
      case 2, 3, 4 -> {
        if (!hasClaim) {
          if (!cluster.nodes.containsKey(name)) {
            node(name, random);
          }
          cluster.claim(name, FakeCluster.key(1 + random.nextInt(KEYS)));
        }
      }
      case 5 -> cluster.nodes.remove(name);
      case 6 -> cluster.claims.remove(name);
      case 7 -> {
        if (hasClaim) {
          rekey(name, random);
        }
      }
      case 8 -> {
        if (hasClaim) {
          cluster.annotate(
              name,
              random.nextBoolean()
                  ? Map.of()
                  : Map.of("culvert.dev/accept-key", FakeCluster.key(1 + random.nextInt(KEYS))));
        }
      }
      default -> {
        if (hasClaim && random.nextInt(4) == 0) {
          cluster.annotate(name, Map.of("culvert.dev/reject", "test"));
        }
      }
    }
  }

  private void node(String name, Random random) {
    Node old = cluster.nodes.get(name);
    String uid = old != null && random.nextInt(3) > 0 ? old.metadata().uid() : "uid-" + ++uids;
    List<String> addresses = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(2); i++) {
      addresses.add("10.0.0." + (1 + random.nextInt(6)));
    }
    List<String> cidrs = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(3); i++) {
      int length = 24 + random.nextInt(3);
      cidrs.add(
          Prefix.parse("10.1." + random.nextInt(5) + "." + random.nextInt(256) + "/" + length)
              .toString());
    }
    cluster.node(name, uid, Map.of(), addresses, cidrs);
  }

  private void rekey(String name, Random random) {
    CulvertNode claim = cluster.claim(name);
    int next = 1 + random.nextInt(KEYS);
    CulvertNode.Proof proof = null;
    for (int old = 1; old <= KEYS; old++) {
      String key = FakeCluster.key(old);
      if (claim.status() != null
          && key.equals(claim.status().publicKey())
          && random.nextBoolean()) {
        try (SecretBytes secret = SecretBytes.owning(FakeCluster.privateKey(old))) {
          proof =
              KeyChangeProof.make(
                  secret,
                  cluster.registrarKey.publicKey(),
                  new KeyChangeProof.Change(
                      name, claim.spec().nodeUID(), key, FakeCluster.key(next)));
        }
      }
    }
    cluster.rekey(name, FakeCluster.key(next), proof);
  }

  /** No two nodes share, and a node keeps a claim, or gave it up before another node got it. */
  private void check(String when) {
    Map<String, String> present = new HashMap<>();
    List<Map.Entry<Prefix, String>> ranges = new ArrayList<>();
    cluster.claims.forEach(
        (name, claim) -> {
          CulvertNode.Status status = claim.status();
          if (status == null || status.phase() != Phase.ACCEPTED) {
            return;
          }
          assertNull(present.put("key " + status.publicKey(), name), when);
          for (String address : status.addresses()) {
            assertNull(present.put(address, name), when);
            ranges.add(Map.entry(Prefix.host(IpAddress.parse(address)), name));
          }
          for (String range : status.ranges()) {
            present.put(range, name);
            ranges.add(Map.entry(Prefix.parse(range), name));
          }
        });
    for (Map.Entry<Prefix, String> one : ranges) {
      for (Map.Entry<Prefix, String> other : ranges) {
        boolean overlap = one.getKey().contains(other.getKey());
        assertTrue(!overlap || one.getValue().equals(other.getValue()), when);
      }
    }
    present.forEach(
        (what, name) -> {
          String before = owners.get(what);
          assertTrue(
              before == null || before.equals(name),
              () -> when + ": " + what + " went from " + before + " to " + name + " in one write");
        });
    owners = present;
  }

  @Test
  void theFirstOwnerKeepsItsOwnInEveryOrderOfArrivals() {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      FakeCluster contested = new FakeCluster();
      contested
          .node("first", "10.0.0.1", "10.1.0.0/24")
          .claim("first", FakeCluster.key(1))
          .settle();
      CulvertNode.Status before = contested.status("first");
      for (int i = 0; i < 6; i++) {
        String name = "n" + random.nextInt(100);
        contested
            .node(
                name,
                random.nextBoolean() ? "10.0.0.1" : "10.0.0." + (2 + i),
                random.nextBoolean() ? "10.1.0.0/24" : "10.1.0." + 16 * i + "/28")
            .claim(name, FakeCluster.key(1 + random.nextInt(2)))
            .settle();
      }
      assertEquals(before, contested.status("first"), "seed " + seed);
    }
  }
}
