// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static dev.culvert.routing.Classifier.NO_PORT;
import static dev.culvert.routing.Clusters.node;
import static dev.culvert.routing.Clusters.prefixes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The classifier's verdict on each packet (encrypt, exempt, clear or drop) agrees with a naive
 * reading of the rules.
 */
class ClassifierTest {
  private static final int TCP = IpProtocol.TCP;
  private static final int UDP = IpProtocol.UDP;

  private final Classifier worker = Classifier.of(Clusters.three(), Policy.STRICT, "worker-1");
  private final Classifier control = Classifier.of(Clusters.three(), Policy.STRICT, "control-1");

  private static String ask(
      Classifier classifier, String from, String to, int protocol, int sourcePort, int port) {
    IpAddress source = IpAddress.parse(from);
    IpAddress destination = IpAddress.parse(to);
    Verdict verdict = classifier.classify(source, destination, protocol, sourcePort, port);
    assertEquals(
        verdict,
        source.v4()
            ? classifier.classify4(
                (int) source.low(), (int) destination.low(), protocol, sourcePort, port)
            : classifier.classify6(
                source.high(),
                source.low(),
                destination.high(),
                destination.low(),
                protocol,
                sourcePort,
                port));
    return switch (verdict) {
      case Verdict.Encrypt encrypt -> encrypt.peer();
      case Verdict.Bypass bypass -> bypass.rule();
      case Verdict.Drop drop -> drop.reason().toString();
    };
  }

  private String fromWorker(String from, String to) {
    return ask(worker, from, to, TCP, 40000, 80);
  }

  @ParameterizedTest
  @CsvSource({
    "10.244.1.5, 10.244.2.7, 10.244.0.3, 192.168.1.11, 192.168.1.12",
    "fd02:0:0:1::5, fd02:0:0:2::7, fd02::3, fd01::11, fd01::12"
  })
  void allFourClassesAreEncrypted(
      String pod, String podOf2, String podOfControl, String host, String node2) {
    assertEquals("key-worker-2", fromWorker(pod, podOf2));
    assertEquals("key-control-1", fromWorker(pod, podOfControl));
    assertEquals("key-worker-2", fromWorker(pod, node2));
    assertEquals("key-worker-2", fromWorker(host, podOf2));
    assertEquals("key-worker-2", fromWorker(host, node2));
  }

  @ParameterizedTest
  @CsvSource({"192.168.1.11, 10.244.77.1", "fd01::11, fd02:0:0:77::1", "10.244.1.5, 10.244.77.1"})
  void anAddressOfTheClusterThatNobodyOwnsIsDropped(String from, String to) {
    assertEquals("no owner", fromWorker(from, to));
    assertEquals("no owner", ask(worker, from, to, TCP, 40000, 6443));
  }

  @ParameterizedTest
  @CsvSource({
    "10.244.1.5, 10.244.1.6, local destination",
    "10.244.1.5, 192.168.1.11, local destination",
    "10.244.2.9, 10.244.1.6, local destination",
    "fd02:0:0:1::5, fd01::11, local destination",
    "10.244.1.5, 1.1.1.1, outside cluster",
    "fd02:0:0:1::5, 2606::1, outside cluster",
    "10.244.2.9, 10.244.0.1, foreign source",
    "172.17.0.2, 10.244.0.1, foreign source",
    "fd02:0:0:2::9, fd01::10, foreign source"
  })
  void whatIsNotForTheTunnelIsDroppedWithItsReason(String from, String to, String reason) {
    assertEquals(reason, fromWorker(from, to));
  }

  @ParameterizedTest
  @CsvSource({"192.168.1.11, 192.168.1.10", "fd01::11, fd01::10"})
  void aHostsRequestToTheControlPlaneIsExempt(String host, String server) {
    assertEquals("api-server", ask(worker, host, server, TCP, 40000, 6443));
    assertEquals("etcd", ask(worker, host, server, TCP, 40000, 2379));
    assertEquals("etcd", ask(worker, host, server, TCP, 40000, 2380));
    assertEquals("key-control-1", ask(worker, host, server, TCP, 40000, 2381));
    assertEquals("key-control-1", ask(worker, host, server, TCP, 40000, 2378));
  }

  @ParameterizedTest
  @CsvSource({"192.168.1.10, 192.168.1.12", "fd01::10, fd01::12"})
  void aControlPlanesReplyToANodeIsExempt(String server, String client) {
    assertEquals("api-server", ask(control, server, client, TCP, 6443, 40000));
    assertEquals("etcd", ask(control, server, client, TCP, 2380, 40000));
    assertEquals("key-worker-2", ask(control, server, client, TCP, 6444, 40000));
  }

  @ParameterizedTest
  @CsvSource({
    "192.168.1.10, 192.168.1.200, 192.168.1.70, 10.244.0.3",
    "fd01::10, fd01::c8, fd01::a:7, fd02::3"
  })
  void aControlPlanesReplyToANodeThatJoinsIsExemptOnTheExemptionsPortsAlone(
      String server, String joining, String podOf3, String pod) {
    ClusterMap map = Clusters.threeThatOthersJoin();
    Classifier server1 = Classifier.of(map, Clusters.openToJoining(), "control-1");
    assertEquals("api-server", ask(server1, server, joining, TCP, 6443, 40000));
    assertEquals("no owner", ask(server1, server, joining, TCP, 2380, 40000), "not open to it");
    assertEquals("no owner", ask(server1, server, joining, TCP, 40000, 6443), "a request");
    assertEquals("no owner", ask(server1, server, joining, UDP, 6443, 40000));
    assertEquals("no owner", ask(server1, server, joining, TCP, NO_PORT, NO_PORT));
    assertEquals("no owner", ask(server1, pod, joining, TCP, 6443, 40000), "of a pod");
    assertEquals("key-worker-3", ask(server1, server, podOf3, TCP, 6443, 40000), "to a pod");
    Classifier worker1 = Classifier.of(map, Clusters.openToJoining(), "worker-1");
    String host = server.replace("10", "11");
    assertEquals("no owner", ask(worker1, host, joining, TCP, 6443, 40000), "no server");
    assertEquals("no owner", ask(worker1, host, joining, TCP, 40000, 6443), "no server");
  }

  @ParameterizedTest
  @CsvSource({"192.168.1.11, 192.168.1.10", "fd01::11, fd01::10"})
  void protocolIsPartOfAnExemption(String host, String server) {
    assertEquals("key-control-1", ask(worker, host, server, UDP, 40000, 6443));
    assertEquals("key-control-1", ask(worker, host, server, 132, 40000, 6443));
  }

  @ParameterizedTest
  @CsvSource({
    "10.244.1.5, 192.168.1.10, 10.244.0.3, 192.168.1.11",
    "fd02:0:0:1::5, fd01::10, fd02::3, fd01::11"
  })
  void aPodIsNeverExempt(String pod, String server, String podOfControl, String host) {
    assertEquals("key-control-1", ask(worker, pod, server, TCP, 40000, 6443));
    assertEquals("key-control-1", ask(worker, host, podOfControl, TCP, 40000, 6443));
    assertEquals("key-worker-1", ask(control, server, pod, TCP, 6443, 40000));
    assertEquals("key-worker-1", ask(control, podOfControl, host, TCP, 6443, 40000));
  }

  @ParameterizedTest
  @CsvSource({"192.168.1.11, 192.168.1.12", "fd01::11, fd01::12"})
  void aWorkersExemptSourcePortOpensNothing(String host, String other) {
    assertEquals("key-worker-2", ask(worker, host, other, TCP, 6443, 40000));
    assertEquals("key-worker-2", ask(worker, host, other, TCP, 40000, 6443));
  }

  @Test
  void aLaterFragmentIsNeverExempt() {
    assertEquals(
        "key-control-1", ask(worker, "192.168.1.11", "192.168.1.10", TCP, NO_PORT, NO_PORT));
    assertEquals("key-control-1", ask(worker, "fd01::11", "fd01::10", TCP, NO_PORT, NO_PORT));
  }

  @Test
  void aNodeWinsOverThePodRangeThatCoversIt() {
    ClusterMap map =
        ClusterMap.of(
            List.of(
                node("worker-1", "worker", "10.244.1.1", "10.244.1.0/24"),
                node("control-1", "control-plane", "10.244.1.77", "10.244.0.0/24")),
            prefixes("10.244.0.0/16"));
    Classifier classifier = Classifier.of(map, Policy.STRICT, "worker-1");
    assertEquals("key-control-1", ask(classifier, "10.244.1.5", "10.244.1.77", TCP, 1, 6443));
    assertEquals("api-server", ask(classifier, "10.244.1.1", "10.244.1.77", TCP, 1, 6443));
    assertEquals("foreign source", ask(classifier, "10.244.1.77", "10.244.0.1", TCP, 1, 2));
    assertEquals("local destination", ask(classifier, "10.244.1.5", "10.244.1.1", TCP, 1, 2));
  }

  @ParameterizedTest
  @CsvSource({
    "POD_TO_POD, 10.244.1.5, 10.244.2.5",
    "POD_TO_NODE, 10.244.1.5, 192.168.1.12",
    "NODE_TO_POD, 192.168.1.11, 10.244.2.5",
    "NODE_TO_NODE, fd01::11, fd01::12",
    "POD_TO_NODE, fd02:0:0:1::5, fd01::12"
  })
  void aClassThatIsSwitchedOffLeavesInClear(TrafficClass off, String from, String to) {
    Set<TrafficClass> on = EnumSet.complementOf(EnumSet.of(off));
    Policy policy = new Policy(on, true, true, List.of());
    Policy only = new Policy(EnumSet.of(off), true, true, List.of());
    ClusterMap map = Clusters.three();
    String clear = ask(Classifier.of(map, policy, "worker-1"), from, to, TCP, 1, 2);
    assertEquals(off.toString(), clear);
    assertEquals("key-worker-2", ask(Classifier.of(map, only, "worker-1"), from, to, TCP, 1, 2));
    assertEquals(
        "no owner",
        ask(Classifier.of(map, policy, "worker-1"), "10.244.1.5", "10.244.9.9", TCP, 1, 2));
  }

  @Test
  void aNodeWithoutIdentityGetsNothing() {
    ClusterNode bare =
        new ClusterNode(
            "worker-3", Set.of(), Map.of(), List.of(), List.of(), prefixes("10.244.3.0/24"), null);
    Classifier classifier = Classifier.of(Clusters.three().with(bare), Policy.STRICT, "worker-1");
    assertEquals("no peer", ask(classifier, "10.244.1.5", "10.244.3.5", TCP, 1, 2));
  }

  @Test
  void anInnerSourceBelongsByLongestPrefixAlone() {
    ClusterMap map =
        ClusterMap.of(
            List.of(
                node("a", "worker", "10.1.0.0/16", "fd00::/48"),
                node("b", "worker", "10.1.2.0/24", "fd00:0:0:2::/64")),
            prefixes("10.0.0.0/8"));
    Classifier classifier = Classifier.of(map, Policy.STRICT, "a");
    assertTrue(classifier.belongs4(0x0a010303, 0));
    assertFalse(classifier.belongs4(0x0a010203, 0));
    assertTrue(classifier.belongs4(0x0a010203, 1));
    assertFalse(classifier.belongs4(0x0a020203, 0));
    assertFalse(classifier.belongs4(0x0a020203, -1));
    assertFalse(classifier.belongs4(0x08080808, 0));
    assertTrue(classifier.belongs6(0xfd00_0000_0000_0003L, 1, 0));
    assertFalse(classifier.belongs6(0xfd00_0000_0000_0002L, 1, 0));
    assertTrue(classifier.belongs6(0xfd00_0000_0000_0002L, 1, 1));
  }

  @Test
  void verdictsAreMadeOnce() {
    assertTrue(
        worker.classify4(0x0af40105, 0x0af40205, TCP, 1, 2)
            == worker.classify4(0x0af40106, 0x0af40206, UDP, 3, 4));
  }

  @Test
  void aNodeOutsideOfTheMapHasNoClassifier() {
    ClusterMap map = Clusters.three();
    assertThrows(
        IllegalArgumentException.class, () -> Classifier.of(map, Policy.STRICT, "stranger"));
  }

  /** The rules of the specification said again, over linear searches. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void agreesWithANaiveReadingOfTheRules(int seed) {
    Random random = new Random(seed);
    int[] ports = {NO_PORT, 1, 2379, 2380, 2381, 6443};
    for (int round = 0; round < 60; round++) {
      ClusterMap map = Clusters.random(random);
      Policy policy = Clusters.randomPolicy(random);
      Classifier classifier = Classifier.of(map, policy, Clusters.SELF);
      for (int i = 0; i < 300; i++) {
        IpAddress source = Clusters.address(random);
        IpAddress destination = Clusters.address(random);
        if (source.v4() != destination.v4()) {
          continue;
        }
        int protocol = random.nextBoolean() ? TCP : UDP;
        int from = ports[random.nextInt(ports.length)];
        int to = ports[random.nextInt(ports.length)];
        assertEquals(
            naive(map, policy, source, destination, protocol, from, to),
            ask(classifier, source.toString(), destination.toString(), protocol, from, to),
            () ->
                source
                    + " "
                    + destination
                    + " in "
                    + map.nodes()
                    + map.clusterCidrs()
                    + map.nodeCidrs());
      }
    }
  }

  private static String naive(
      ClusterMap map,
      Policy policy,
      IpAddress source,
      IpAddress destination,
      int protocol,
      int sourcePort,
      int port) {
    Found from = find(map, source);
    Found to = find(map, destination);
    if (to == null) {
      return "outside cluster";
    }
    boolean toSelf = to.node != null && to.node.name().equals(Clusters.SELF);
    if (toSelf) {
      return "local destination";
    }
    if (from == null || from.node == null || !from.node.name().equals(Clusters.SELF)) {
      return "foreign source";
    }
    if (to.node == null
        && from.address
        && from.node.roles().contains("control-plane")
        && protocol == TCP
        && sourcePort == 6443
        && policy.exemptions().getFirst().joining()
        && joins(map, destination)) {
      return "api-server";
    }
    if (to.node == null) {
      return policy.strictEgress() ? "no owner" : "not-strict";
    }
    if (from.address && to.address && protocol == TCP) {
      boolean toServer = to.node.roles().contains("control-plane");
      boolean atServer = from.node.roles().contains("control-plane");
      // The request's line stands before the reply's.
      for (int asked : new int[] {toServer ? port : 0, atServer ? sourcePort : 0}) {
        if (asked == 6443) {
          return "api-server";
        }
        if (asked == 2379 || asked == 2380) {
          return "etcd";
        }
      }
    }
    String traffic = (from.address ? "node" : "pod") + "-to-" + (to.address ? "node" : "pod");
    if (policy.encrypted().stream().noneMatch(on -> on.toString().equals(traffic))) {
      return traffic;
    }
    return to.node.peer() == null ? "no peer" : to.node.peer();
  }

  private static boolean joins(ClusterMap map, IpAddress address) {
    Prefix nodes = widest(map.nodeCidrs(), address);
    return nodes != null
        && map.clusterCidrs().stream().anyMatch(cidr -> cidr.contains(nodes))
        && map.clusterCidrs().stream()
            .noneMatch(cidr -> cidr.length() > nodes.length() && cidr.contains(address))
        && map.nodes().stream()
            .flatMap(node -> node.podCidrs().stream())
            .noneMatch(pods -> pods.contains(address));
  }

  private static @Nullable Prefix widest(List<Prefix> ranges, IpAddress address) {
    return ranges.stream()
        .filter(range -> range.contains(address))
        .min(Comparator.comparingInt(Prefix::length))
        .orElse(null);
  }

  private record Found(int length, @Nullable ClusterNode node, boolean address) {}

  private static @Nullable Found find(ClusterMap map, IpAddress address) {
    List<Found> all = new ArrayList<>();
    for (Prefix cidr : map.clusterCidrs()) {
      if (cidr.contains(address)) {
        all.add(new Found(cidr.length(), null, false));
      }
    }
    for (ClusterNode node : map.nodes()) {
      for (Prefix range : node.podCidrs()) {
        if (range.contains(address)) {
          all.add(new Found(range.length(), node, false));
        }
      }
      if (node.addresses().contains(address)) {
        all.add(new Found(129, node, true));
      }
    }
    Found longest = null;
    for (Found found : all) {
      if (longest == null
          || found.length > longest.length
          || (found.length == longest.length && longest.node == null)) {
        longest = found;
      }
    }
    return longest;
  }
}
