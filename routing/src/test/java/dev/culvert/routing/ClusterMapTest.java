// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static dev.culvert.routing.Clusters.node;
import static dev.culvert.routing.Clusters.prefixes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each range of the cluster map has one owner, ranges may contain each other, and a changed map
 * equals one built anew.
 */
class ClusterMapTest {
  @Test
  void nodesMayJoinInTheRangesOfNodesThatAreTheClustersAndNoPods() {
    List<ClusterNode> nodes =
        List.of(
            node("a", "worker", "10.1.0.1", "10.1.0.128/25", "10.9.0.0/16"),
            node("b", "worker", "10.1.0.2", "10.2.0.0/16"));
    ClusterMap map =
        ClusterMap.of(
            nodes,
            prefixes("10.0.0.0/8", "10.1.0.64/26", "192.0.2.0/24"),
            prefixes("10.1.0.0/24", "10.1.0.0/26", "10.2.3.0/24", "192.0.2.0/24", "172.16.0.0/16"));
    assertEquals(
        "[10.1.0.0/26, 192.0.2.0/24]",
        map.joining().toString(),
        "not pods of a nor b, not the cluster's range inside, not outside of the cluster");
    assertEquals(map.joining(), map.without("a").with(nodes.getFirst()).joining());
    assertEquals(List.of(), ClusterMap.of(nodes, map.clusterCidrs()).joining());
    assertNotEquals(ClusterMap.of(nodes, map.clusterCidrs()), map);
  }

  @Test
  void aRangeOfTwoNodesIsRefusedAndBothAreNamed() {
    assertConflict(
        "10.1.0.0/24", node("a", "worker", "10.1.0.0/24"), node("b", "worker", "10.1.0.0/24"));
    assertConflict("fd00::/64", node("a", "worker", "fd00::/64"), node("b", "worker", "fd00::/64"));
    assertConflict("10.0.0.1/32", node("a", "worker", "10.0.0.1"), node("b", "worker", "10.0.0.1"));
    assertConflict(
        "10.0.0.1/32", node("a", "worker", "10.0.0.1"), node("b", "worker", "10.0.0.1/32"));
  }

  private static void assertConflict(String prefix, ClusterNode first, ClusterNode second) {
    OwnerConflictException refused =
        assertThrows(
            OwnerConflictException.class, () -> ClusterMap.of(List.of(first, second), List.of()));
    assertEquals(prefix + " belongs to both a and b", refused.getMessage());
  }

  @Test
  void rangesMayLieInEachOther() {
    ClusterMap map =
        ClusterMap.of(
            List.of(
                node("a", "worker", "10.1.0.0/16"), node("b", "worker", "10.1.2.3", "10.1.4.0/24")),
            prefixes("10.0.0.0/8"));
    assertEquals(Prefix.parse("10.1.2.3/32"), map.claimed(IpAddress.parse("10.1.2.3")));
    assertEquals(Prefix.parse("10.1.0.0/16"), map.claimed(IpAddress.parse("10.1.2.4")));
    assertEquals(Prefix.parse("10.0.0.0/8"), map.inCluster(IpAddress.parse("10.200.0.1")));
  }

  @Test
  void anAddressThatIsAlsoAPodRangeOfItsNodeStaysANodes() {
    ClusterMap map =
        ClusterMap.of(List.of(node("a", "worker", "10.1.2.3/32", "10.1.2.3")), List.of());
    assertEquals(new ClusterMap.Claim(0, true), map.claims().get(Prefix.parse("10.1.2.3")));
  }

  @Test
  void nodesHaveNamesOfTheirOwn() {
    List<ClusterNode> twins = List.of(node("a", "worker"), node("a", "worker"));
    assertThrows(IllegalArgumentException.class, () -> ClusterMap.of(twins, List.of()));
  }

  @Test
  void aRangeOfEverythingIsRefused() {
    List<ClusterNode> nodes = List.of(node("a", "worker", "0.0.0.0/0"));
    assertThrows(IllegalArgumentException.class, () -> ClusterMap.of(nodes, List.of()));
  }

  @Test
  void aDeadNodesAddressMayGoToAPod() {
    ClusterMap map = Clusters.three();
    ClusterNode heir = node("worker-1", "worker", "192.168.1.11", "192.168.1.12/32");
    assertThrows(OwnerConflictException.class, () -> map.with(heir));
    ClusterMap after = map.without("worker-2").with(heir);
    assertEquals(new ClusterMap.Claim(1, false), after.claims().get(Prefix.parse("192.168.1.12")));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void aChangedMapIsTheMapMadeAnew(int seed) {
    Random random = new Random(seed);
    ClusterMap map = ClusterMap.of(List.of(), prefixes("10.0.0.0/8"));
    for (int change = 0; change < 300; change++) {
      String name = "node-" + random.nextInt(12);
      ClusterMap next = map;
      if (random.nextInt(4) == 0) {
        next = map.without(name);
      } else {
        String host = "10.9." + random.nextInt(3) + "." + random.nextInt(16);
        try {
          next =
              map.with(
                  node(
                      name,
                      "worker",
                      host,
                      host + "/32",
                      "10.1." + random.nextInt(32) + ".0/24",
                      "fd00:" + random.nextInt(32) + "::/64"));
        } catch (OwnerConflictException e) {
          continue; // Another has it: the map stays as it is, which the next turn checks.
        }
      }
      ClusterMap anew = ClusterMap.of(next.nodes(), next.clusterCidrs());
      assertEquals(anew.claims(), next.claims());
      map = next;
    }
  }
}
