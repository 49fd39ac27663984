// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The ESP policies give each prefix to at most one node and agree with the classifier on the node
 * that a packet is encrypted for.
 */
final class EspPolicyTest {
  private static final Policy ALL =
      new Policy(EnumSet.allOf(TrafficClass.class), true, true, List.of());

  /** The node whose SAs carry packets to {@code destination}, or null if there is none. */
  private static @Nullable String carrier(Map<String, EspPolicy> policies, String destination) {
    IpAddress address = IpAddress.parse(destination);
    String node = null;
    int longest = -1;
    for (EspPolicy policy : policies.values()) {
      for (Prefix prefix : policy.remote()) {
        if (prefix.contains(address) && prefix.length() > longest) {
          longest = prefix.length();
          node = policy.node();
        }
      }
    }
    return node;
  }

  @Test
  void everyOtherNodeHasOneWithAllThatItOwnsInBothFamilies() {
    Map<String, EspPolicy> policies = EspPolicy.of(Clusters.three(), Clusters.SELF);
    assertEquals(Set.of("control-1", "worker-2"), policies.keySet());
    EspPolicy policy = Objects.requireNonNull(policies.get("worker-2"));
    assertEquals(
        Set.copyOf(
            Clusters.prefixes(
                "192.168.1.12/32", "fd01::12/128", "10.244.2.0/24", "fd02:0:0:2::/64")),
        Set.copyOf(policy.remote()));
    assertEquals(
        Set.copyOf(
            Clusters.prefixes(
                "192.168.1.11/32", "fd01::11/128", "10.244.1.0/24", "fd02:0:0:1::/64")),
        Set.copyOf(policy.local()));
    assertEquals(policy.remote().stream().sorted().toList(), policy.remote());
  }

  @Test
  void aNodesAddressInsideAPodRangeIsTheNodesAndNotThePods() {
    ClusterMap map =
        Clusters.three().with(Clusters.node("worker-3", "worker", "10.244.2.9", "fd02:0:0:2::9"));
    Map<String, EspPolicy> policies = EspPolicy.of(map, Clusters.SELF);
    assertEquals("worker-3", carrier(policies, "10.244.2.9"));
    assertEquals("worker-2", carrier(policies, "10.244.2.8"));
    assertEquals("worker-3", carrier(policies, "fd02:0:0:2::9"));
    assertEquals("worker-2", carrier(policies, "fd02:0:0:2::8"));
  }

  @Test
  void anUnknownPodIsNobodys() {
    Map<String, EspPolicy> policies = EspPolicy.of(Clusters.three(), Clusters.SELF);
    assertEquals(null, carrier(policies, "10.244.77.1"));
    assertEquals(null, carrier(policies, "fd02:0:0:77::1"));
    assertEquals("worker-2", carrier(policies, "10.244.2.1"));
  }

  @Test
  void aNodeThatIsNotInTheMapHasNone() {
    ClusterMap map = Clusters.three();
    assertThrows(IllegalArgumentException.class, () -> EspPolicy.of(map, "worker-9"));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void ofAnyMapTheySayWhatTheClassifierSaysAndEveryPrefixHasOneOwner(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 50; round++) {
      ClusterMap map = Clusters.random(random);
      Map<String, EspPolicy> policies = EspPolicy.of(map, Clusters.SELF);
      Set<Prefix> owned = new HashSet<>();
      policies.values().forEach(p -> p.remote().forEach(r -> assertTrue(owned.add(r))));
      ClusterNode self = map.node(Clusters.SELF);
      if (policies.isEmpty() || self.addresses().isEmpty()) {
        continue;
      }
      policies.values().iterator().next().local().forEach(r -> assertFalse(owned.contains(r)));
      Classifier classifier = Classifier.of(map, ALL, Clusters.SELF);
      for (int i = 0; i < 100; i++) {
        IpAddress destination = Clusters.address(random);
        Verdict verdict = classifier.classify(self.addresses().getFirst(), destination, 6, 1, 1);
        if (verdict instanceof Verdict.Encrypt encrypt) {
          assertEquals(
              map.nodes().get(encrypt.node()).name(), carrier(policies, destination.toString()));
        } else if (verdict.equals(new Verdict.Drop(Refusal.NO_OWNER))) {
          // Of a cluster range that lies in a node's, the cluster's word is the finer one.
          int cluster = Objects.requireNonNull(map.inCluster(destination)).length();
          Prefix claim = map.claimed(destination);
          assertTrue(claim == null || cluster > claim.length());
        }
      }
    }
  }
}
