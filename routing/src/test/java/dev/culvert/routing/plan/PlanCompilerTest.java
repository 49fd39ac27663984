// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import static dev.culvert.routing.Clusters.node;
import static dev.culvert.routing.Clusters.prefixes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Clusters;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.Refusal;
import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.Verdict;
import dev.culvert.routing.plan.Explanation.Outcome;
import dev.culvert.routing.plan.Explanation.Query;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The compiled rules and routes steer each packet as the classifier decides, and the number of
 * rules does not grow with the number of nodes.
 */
class PlanCompilerTest {
  private static final Mark MARK = new Mark(0xc7010000, 0xffff0000);
  private static final Mark BYPASS = new Mark(0xc7020000, 0xffff0000);
  private static final Overlay OVERLAY =
      new Overlay(new Mark(0xc7030000, 0xffff0000), List.of(), false);

  private static final LinkFacts FACTS =
      new LinkFacts(
          "culvert0",
          1420,
          1995,
          List.of("eth0"),
          List.of(),
          List.of(),
          new OuterHeaders(MARK, 51820),
          BYPASS,
          OVERLAY,
          false);

  private static KernelPlan plan(String self) {
    return PlanCompiler.compile(Clusters.three(), Policy.STRICT, self, FACTS);
  }

  private static List<String> rules(KernelPlan plan, int priority) {
    return plan.rules().stream()
        .filter(rule -> rule.priority() == priority)
        .map(PlanText::of)
        .map(text -> text.replace(" rule add priority " + priority, ""))
        .sorted()
        .toList();
  }

  @Test
  void bothMarksLeadToMainFirstOfAllAndNowhereElse() {
    for (String self : List.of("worker-1", "control-1")) {
      assertEquals(
          List.of(
              "ip -4 fwmark 0xc7010000/0xffff0000 lookup main",
              "ip -4 fwmark 0xc7020000/0xffff0000 lookup main",
              "ip -6 fwmark 0xc7010000/0xffff0000 lookup main",
              "ip -6 fwmark 0xc7020000/0xffff0000 lookup main"),
          rules(plan(self), 100));
      assertEquals(
          List.of(
              "ip -4 fwmark 0xc7010000/0xffff0000 unreachable",
              "ip -4 fwmark 0xc7020000/0xffff0000 unreachable",
              "ip -6 fwmark 0xc7010000/0xffff0000 unreachable",
              "ip -6 fwmark 0xc7020000/0xffff0000 unreachable"),
          rules(plan(self), 101));
    }
  }

  @Test
  void theLadderStandsForBothFamilies() {
    KernelPlan plan = plan("worker-1");
    assertEquals(
        List.of("ip -4 to 10.244.1.0/24 lookup main", "ip -6 to fd02:0:0:1::/64 lookup main"),
        rules(plan, 150));
    assertEquals(
        List.of(
            "ip -4 to 10.244.0.0/24 lookup 1995",
            "ip -4 to 10.244.2.0/24 lookup 1995",
            "ip -6 to fd02:0:0:2::/64 lookup 1995",
            "ip -6 to fd02::/64 lookup 1995"),
        rules(plan, 210));
    assertEquals(
        List.of(
            "ip -4 to 192.168.1.10/32 lookup 1995",
            "ip -4 to 192.168.1.12/32 lookup 1995",
            "ip -6 to fd01::10/128 lookup 1995",
            "ip -6 to fd01::12/128 lookup 1995"),
        rules(plan, 220));
    assertEquals(
        List.of("ip -4 to 10.244.0.0/16 lookup 1995", "ip -6 to fd02::/48 lookup 1995"),
        rules(plan, 230));
  }

  @Test
  void exemptRulesHoldOnlyForTheHostsOwnTcpBetweenNodes() {
    assertEquals(
        List.of(
            "ip -4 to 192.168.1.10/32 iif lo ipproto tcp dport 2379-2380 lookup main",
            "ip -4 to 192.168.1.10/32 iif lo ipproto tcp dport 6443 lookup main",
            "ip -6 to fd01::10/128 iif lo ipproto tcp dport 2379-2380 lookup main",
            "ip -6 to fd01::10/128 iif lo ipproto tcp dport 6443 lookup main"),
        rules(plan("worker-1"), 200));
    List<String> control = rules(plan("control-1"), 200);
    assertEquals(8, control.size());
    assertTrue(
        control.contains(
            "ip -4 from 192.168.1.10/32 to 192.168.1.12/32 iif lo ipproto tcp sport 6443"
                + " lookup main"));
  }

  @Test
  void repliesToNodesThatJoinAreOneRuleForAllOfTheirNetwork() {
    KernelPlan plan =
        PlanCompiler.compile(
            Clusters.threeThatOthersJoin(), Clusters.openToJoining(), "control-1", FACTS);
    List<String> v4 = rules(plan, 200).stream().filter(rule -> rule.startsWith("ip -4")).toList();
    String reply = "ip -4 from 192.168.1.10/32 to %s iif lo ipproto tcp sport %s lookup main";
    assertEquals(
        Stream.of("0/26", "128/25", "80/28", "96/27")
            .map(range -> reply.formatted("192.168.1." + range, "6443"))
            .toList(),
        v4.stream().filter(rule -> rule.contains("sport 6443")).toList(),
        "without the pods of worker-3");
    assertEquals(
        Stream.of(11, 12, 13)
            .map(node -> reply.formatted("192.168.1." + node + "/32", "2379-2380"))
            .toList(),
        v4.stream().filter(rule -> rule.contains("sport 2379")).toList(),
        "etcd is not open to them");
  }

  @Test
  void anExplanationSaysWhereANodeMayJoin() {
    ClusterMap map = Clusters.threeThatOthersJoin();
    Policy policy = Clusters.openToJoining();
    Classifier classifier = Classifier.of(map, policy, "control-1");
    KernelPlan plan = PlanCompiler.compile(map, policy, "control-1", FACTS);
    IpAddress server = IpAddress.parse("192.168.1.10");
    IpAddress joining = IpAddress.parse("192.168.1.200");
    Explanation reply =
        Explanation.of(
            map, classifier, plan, "control-1", new Query(server, joining, 6, 6443, 40000));
    assertEquals(Outcome.CLEAR, reply.outcome());
    assertEquals(
        "destination 192.168.1.200: without an owner, in 192.168.1.0/24; a node that joins may"
            + " have it",
        reply.lines().get(1));
    assertEquals("leaves in clear by rule api-server", reply.lines().getLast());
    Explanation other =
        Explanation.of(
            map, classifier, plan, "control-1", new Query(server, joining, 6, 40000, 10250));
    assertEquals(Outcome.DROPPED, other.outcome());
    assertEquals("dropped: no owner", other.lines().getLast());
  }

  @Test
  void theTunnelsTableEndsInAnUnreachableDefaultOfTheWorstMetric() {
    assertEquals(
        List.of(
            "ip -4 route replace default dev culvert0 table 1995 src 192.168.1.11 metric 1 mtu 1420",
            "ip -4 route replace unreachable default table 1995 metric 4294967295",
            "ip -6 route replace default dev culvert0 table 1995 src fd01::11 metric 1 mtu 1420",
            "ip -6 route replace unreachable default table 1995 metric 4294967295"),
        plan("worker-1").routes().stream().map(PlanText::of).toList());
  }

  @Test
  void aNodeInTheLocalPodRangeIsCutOutOfIt() {
    ClusterMap map =
        ClusterMap.of(
            List.of(
                node(Clusters.SELF, "worker", "192.168.1.11", "10.244.1.0/24"),
                node("control-1", "control-plane", "10.244.1.77", "10.244.1.128/26")),
            prefixes("10.244.0.0/16"));
    KernelPlan plan = PlanCompiler.compile(map, Policy.STRICT, Clusters.SELF, FACTS);
    List<Prefix> local =
        plan.rules().stream()
            .filter(rule -> rule.priority() == PlanCompiler.LOCAL_PODS)
            .map(RulePlan::destination)
            .flatMap(Stream::ofNullable)
            .toList();
    for (int last = 0; last < 256; last++) {
      IpAddress address = IpAddress.ofV4(0x0af40100 + last);
      boolean others = last == 77 || (last >= 128 && last < 192);
      assertEquals(
          others, local.stream().noneMatch(part -> part.contains(address)), address::toString);
    }
  }

  @Test
  void manyRangesAreLeftToTheRuleOfTheCluster() {
    List<ClusterNode> nodes = new ArrayList<>();
    nodes.add(node(Clusters.SELF, "worker", "192.168.0.1", "10.255.0.0/24"));
    for (int i = 0; i < 1000; i++) {
      String range = "10." + (i >> 8) + "." + (i & 255) + ".0/24";
      nodes.add(node("n" + i, "worker", "172.16." + (i >> 8) + "." + (i & 255), range));
    }
    ClusterMap map = ClusterMap.of(nodes, prefixes("10.0.0.0/8", "172.16.0.0/16"));
    KernelPlan plan = PlanCompiler.compile(map, Policy.STRICT, Clusters.SELF, FACTS);
    assertTrue(plan.rules().size() < 20, plan.rules().size() + " rules");
    Query query = query("10.255.0.5", "10.1.2.3");
    RulePlan rule = Explanation.firstMatch(plan, query, false);
    assertEquals(RulePlan.to(PlanCompiler.CLUSTER, Prefix.parse("10.0.0.0/8"), 1995), rule);
    assertEquals(1000, plan.guard().remotePods().size());
  }

  /** The kernel walks its rules for each packet, but finds a route in a few steps. */
  @ParameterizedTest
  @ValueSource(strings = {"worker-0", "control-0"})
  void theRulesDoNotGrowWithTheNodes(String self) {
    int few = PlanCompiler.compile(nodes(300), Policy.STRICT, self, FACTS).rules().size();
    KernelPlan plan = PlanCompiler.compile(nodes(3000), Policy.STRICT, self, FACTS);
    assertEquals(few, plan.rules().size());
    assertTrue(few < 60, few + " rules");
    int table = plan.table();
    Set<Integer> tables =
        self.startsWith("control")
            ? Set.of(table, KernelPlan.rangesOf(table), KernelPlan.clientsOf(table, false))
            : Set.of(table, KernelPlan.rangesOf(table));
    assertEquals(tables, plan.routes().stream().map(RoutePlan::table).collect(Collectors.toSet()));
  }

  @ParameterizedTest
  @EnumSource(TrafficClass.class)
  void norDoTheRulesOfWhatIsLeftInClear(TrafficClass clear) {
    Policy policy = new Policy(EnumSet.complementOf(EnumSet.of(clear)), true, true, List.of());
    KernelPlan plan = PlanCompiler.compile(nodes(3000), policy, "worker-0", FACTS);
    assertTrue(plan.rules().size() < 60, plan.rules().size() + " rules");
  }

  /** Of both families, no node in the range of the cluster, three of them servers. */
  private static ClusterMap nodes(int count) {
    List<ClusterNode> nodes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      nodes.add(
          node(
              (i < 3 ? "control-" + i : "worker-" + (i - 3)),
              i < 3 ? "control-plane" : "worker",
              "192.168." + (i >> 8) + "." + (i & 255),
              "fd01::" + Integer.toHexString(i + 1),
              "10." + (i >> 8) + "." + (i & 255) + ".0/24"));
    }
    return ClusterMap.of(nodes, prefixes("10.0.0.0/8"));
  }

  private static Query query(String from, String to) {
    return new Query(IpAddress.parse(from), IpAddress.parse(to), 6, 40000, 80);
  }

  @Test
  void theTwoMarksAreTwo() {
    OuterHeaders outer = new OuterHeaders(MARK, 51820);
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new LinkFacts(
                "t", 1420, 7, List.of("eth0"), List.of(), List.of(), outer, MARK, OVERLAY, false));
  }

  @Test
  void equalInputsMakeEqualPlans() {
    assertEquals(plan("worker-1"), plan("worker-1"));
    assertNotEquals(plan("worker-1"), plan("worker-2"));
  }

  /** The ladder steers packets that the classifier encrypts to the tunnel, and others to main. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
  void ladderAndClassifierSayTheSame(int seed) {
    Random random = new Random(seed);
    int[] ports = {1, 2379, 2381, 6443};
    for (int round = 0; round < 60; round++) {
      ClusterMap map = Clusters.random(random);
      Policy policy = Clusters.randomPolicy(random);
      Classifier classifier = Classifier.of(map, policy, Clusters.SELF);
      int many = round % 2 == 0 ? PlanCompiler.MANY : 0;
      KernelPlan plan = PlanCompiler.compile(map, policy, Clusters.SELF, FACTS, many);
      for (int i = 0; i < 200; i++) {
        IpAddress source = anAddress(map, random);
        IpAddress destination = anAddress(map, random);
        if (source.v4() != destination.v4()) {
          continue;
        }
        Query query =
            new Query(
                source,
                destination,
                random.nextBoolean() ? 6 : 17,
                ports[random.nextInt(ports.length)],
                ports[random.nextInt(ports.length)]);
        assertSteered(map, classifier, plan, query);
      }
    }
  }

  /** A third of them nodes' and a third in ranges of nodes: of all addresses, few are. */
  private static IpAddress anAddress(ClusterMap map, Random random) {
    List<Prefix> joining = map.joining();
    if (random.nextInt(3) == 0 && !joining.isEmpty()) {
      return joining.get(random.nextInt(joining.size())).address();
    }
    List<IpAddress> nodes =
        map.nodes().stream().flatMap(node -> node.addresses().stream()).toList();
    return random.nextBoolean() && !nodes.isEmpty()
        ? nodes.get(random.nextInt(nodes.size()))
        : Clusters.address(random);
  }

  private static void assertSteered(
      ClusterMap map, Classifier classifier, KernelPlan plan, Query query) {
    Verdict verdict =
        classifier.classify(
            query.source(),
            query.destination(),
            query.protocol(),
            query.sourcePort(),
            query.destinationPort());
    Explanation explanation = Explanation.of(map, classifier, plan, Clusters.SELF, query);
    Outcome expected =
        switch (verdict) {
          case Verdict.Encrypt _ -> Outcome.ENCRYPTED;
          case Verdict.Bypass _ -> Outcome.CLEAR;
          case Verdict.Drop(Refusal reason) ->
              switch (reason) {
                case NO_OWNER, NO_PEER -> Outcome.DROPPED;
                case LOCAL_DESTINATION, OUTSIDE_CLUSTER -> Outcome.NOT_STEERED;
                case FOREIGN_SOURCE -> explanation.outcome();
              };
        };
    assertEquals(
        expected,
        explanation.outcome(),
        () ->
            query
                + " "
                + verdict
                + "\n"
                + explanation
                + "\n"
                + map.nodes()
                + map.clusterCidrs()
                + map.nodeCidrs());
    RulePlan rule = explanation.rule();
    boolean toTunnel = rule != null && plan.tables().contains(rule.table());
    if (expected == Outcome.ENCRYPTED || expected == Outcome.DROPPED) {
      if (!(verdict instanceof Verdict.Drop(Refusal reason) && reason == Refusal.FOREIGN_SOURCE)) {
        assertTrue(toTunnel, () -> query + " " + explanation);
      }
    }
    // If egress is not strict, an unowned range inside a node's is steered with that.
    if (verdict instanceof Verdict.Bypass bypass && !bypass.rule().equals("not-strict")) {
      assertFalse(toTunnel, () -> query + " " + explanation);
    }
  }

  @Test
  void anExplanationNamesTheLineThatDecided() {
    ClusterMap map = Clusters.three();
    Classifier classifier = Classifier.of(map, Policy.STRICT, "worker-1");
    KernelPlan plan = plan("worker-1");
    Explanation encrypted =
        Explanation.of(map, classifier, plan, "worker-1", query("10.244.1.5", "10.244.2.7"));
    assertEquals(Outcome.ENCRYPTED, encrypted.outcome());
    assertEquals(
        List.of(
            "source 10.244.1.5: pods of worker-1, 10.244.1.0/24",
            "destination 10.244.2.7: pods of worker-2, 10.244.2.0/24",
            "rule: ip -4 rule add priority 210 to 10.244.2.0/24 lookup 1995",
            "encrypted for worker-2"),
        encrypted.lines());
    Explanation unknown =
        Explanation.of(map, classifier, plan, "worker-1", query("10.244.1.5", "10.244.9.9"));
    assertEquals(Outcome.DROPPED, unknown.outcome());
    assertEquals(
        "destination 10.244.9.9: without an owner, in 10.244.0.0/16", unknown.lines().get(1));
    assertEquals("dropped: no owner", unknown.lines().getLast());
    Query exempt =
        new Query(
            IpAddress.parse("fd01::11"), IpAddress.parse("fd01::10"), 6, Classifier.NO_PORT, 6443);
    Explanation clear = Explanation.of(map, classifier, plan, "worker-1", exempt);
    assertEquals(Outcome.CLEAR, clear.outcome());
    assertEquals("leaves in clear by rule api-server", clear.lines().getLast());
  }

  @Test
  void theGuardKnowsTheClassesThatTheLadderLeavesInClear() {
    EnumSet<TrafficClass> off = EnumSet.of(TrafficClass.POD_TO_NODE);
    Policy policy = new Policy(EnumSet.complementOf(off), true, true, List.of());
    KernelPlan plan = PlanCompiler.compile(Clusters.three(), policy, "worker-1", FACTS);
    assertEquals(
        List.of(
            "ip -4 from 10.244.1.0/24 to 192.168.1.10/32 lookup main",
            "ip -4 from 10.244.1.0/24 to 192.168.1.12/32 lookup main",
            "ip -6 from fd02:0:0:1::/64 to fd01::10/128 lookup main",
            "ip -6 from fd02:0:0:1::/64 to fd01::12/128 lookup main"),
        rules(plan, 205));
    assertEquals(off, plan.guard().inClear());
  }
}
