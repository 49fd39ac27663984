// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.resource.CulvertNode.Phase;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A cluster of 5,000 nodes. */
class RegistrarScaleTest {
  private static final int NODES = 5_000;

  private final FakeCluster cluster = new FakeCluster();

  private void grow(int from, int to) {
    for (int i = from; i < to; i++) {
      byte[] key = new byte[32];
      key[0] = 42;
      key[1] = (byte) i;
      key[2] = (byte) (i >> 8);
      String name = "n" + i;
      cluster
          .node(
              name,
              "10." + (i >> 8) + "." + (i & 255) + ".1",
              "100." + (64 + (i >> 8)) + "." + (i & 255) + ".0/24")
          .claim(name, Base64.getEncoder().encodeToString(key));
    }
  }

  @Test
  void fiveThousandNodesAreAcceptedAtOnceAndOneChangeIsOneWrite() {
    grow(0, NODES);
    List<StatusChange> all = decide();
    assertEquals(NODES, all.size());
    assertTrue(all.stream().allMatch(change -> change.status().phase() == Phase.ACCEPTED));
    all.forEach(cluster::write);
    assertEquals(0, decide().size());
    cluster.node("n77", "10.99.0.1", "100.64.77.0/24");
    assertEquals(1, decide().size());
  }

  private List<StatusChange> decide() {
    return cluster.decide().changes();
  }
}
