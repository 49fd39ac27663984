// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.Clusters;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Policy;
import dev.culvert.routing.TrafficClass;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The guard's nftables text drops every encrypted class in both directions under a strict policy,
 * and the bypass mark alone opens nothing.
 */
class GuardTextTest {
  private static final Mark MARK = new Mark(0xc7010000, 0xffff0000);
  private static final Mark OVERLAY = new Mark(0xc7030000, 0xffff0000);
  private static final Mark BYPASS = new Mark(0xc7020000, 0xffff0000);

  private static String text(Policy policy, String self, boolean rawEsp) {
    return text(Clusters.three(), policy, self, rawEsp);
  }

  private static String text(ClusterMap map, Policy policy, String self, boolean rawEsp) {
    LinkFacts facts =
        new LinkFacts(
            "culvert0",
            1420,
            1995,
            List.of("eth0", "eth1"),
            List.of("eth0", "eth1", "eth2"),
            List.of("eth0", "eth2"),
            new OuterHeaders(MARK, 51820, rawEsp),
            BYPASS,
            new Overlay(OVERLAY, List.of(5000), false),
            true);
    return GuardText.of(PlanCompiler.compile(map, policy, self, facts).guard());
  }

  private static List<String> rules(String text, String... words) {
    return text.lines()
        .map(String::strip)
        .filter(line -> List.of(words).stream().allMatch(line::contains))
        .toList();
  }

  private final String worker = text(Policy.STRICT, "worker-1", false);
  private final String control = text(Policy.STRICT, "control-1", false);

  @Test
  void theTableIsReplacedInOneTransactionAndItsCountersStay() {
    List<String> lines = worker.lines().toList();
    assertEquals("table inet culvert", lines.get(0));
    assertEquals("flush table inet culvert", lines.get(1));
    assertFalse(worker.contains("delete"));
    assertEquals(14, rules(worker, "flush set inet culvert ").size());
  }

  @Test
  void noSetHasATypeThatAnOlderNftCannotList() {
    assertEquals(14, rules(worker, "set ", " { typeof ip").size());
    assertEquals(List.of(), rules(worker, " { type ip"));
    assertEquals(List.of(), rules(worker, "map {"));
  }

  @Test
  void everyCounterThatIsUsedIsNamedFirst() {
    for (String line : rules(worker, "counter name ")) {
      String name = line.replaceAll(".*counter name (\\S+).*", "$1");
      assertEquals(1, rules(worker, "counter " + name + " { }").size(), line);
    }
  }

  @Test
  void itLooksAtEveryDeviceButTheTunnelsAndLoopback() {
    assertEquals(1, rules(worker, "oifname \"culvert0\" accept").size());
    assertEquals(1, rules(worker, "oifname \"lo\" accept").size());
    assertEquals(1, rules(worker, "iifname { \"lo\", \"culvert0\" } accept").size());
    assertEquals(2, rules(worker, "ct status dnat ct direction original goto translated").size());
    assertEquals(1, rules(worker, "iifname \"lo\" accept").size());
    assertEquals(1, rules(worker, "iifname \"culvert0\" goto from_tunnel").size());
    assertEquals(List.of(), rules(worker, "oifname != "));
    assertEquals(List.of(), rules(worker, "iifname != "));
  }

  @Test
  void leavingEncapsulationNeedsMarkAndOutputAndPort() {
    List<String> rules = rules(worker, "encapsulation_out", "accept");
    assertEquals(
        List.of(
            "meta iif 0 meta mark & 0xffff0000 == 0xc7010000 udp sport 51820 counter name"
                + " encapsulation_out accept"),
        rules);
  }

  @Test
  void arrivingEncapsulationNeedsALocalDestinationAndPort() {
    List<String> rules = rules(worker, "encapsulation_in", "accept");
    assertEquals(1, rules.size());
    assertTrue(rules.getFirst().startsWith("fib daddr type local udp dport 51820 "));
  }

  @Test
  void rawEspPassesBesideTheUdpThatKeysAreAgreedOnWith() {
    String raw = text(Policy.STRICT, "worker-1", true);
    for (String direction : List.of("_out", "_in")) {
      List<String> rules = rules(raw, "encapsulation" + direction + " accept");
      assertEquals(2, rules.size());
      assertTrue(rules.getFirst().contains(" meta l4proto esp "), rules::toString);
      assertTrue(rules.getLast().contains("port 51820 "), rules::toString);
    }
  }

  @Test
  void neighbourDiscoveryPassesWithItsHopLimitAlone() {
    assertEquals(2, rules(worker, "icmpv6 type 133-137 ip6 hoplimit 255 ", "accept").size());
  }

  @Test
  void packetsToOwnPodsDoNotLeaveThroughDevicesWithoutPodsExceptBridges() {
    for (String end : List.of("ip daddr @local_pods4", "ip6 daddr @local_pods6")) {
      assertEquals(
          List.of("oifname { \"eth0\", \"eth2\" } " + end + " goto pod_gone"),
          rules(worker, end, "goto"));
    }
    String chain = worker.substring(worker.indexOf("chain pod_gone {"));
    assertEquals(
        List.of(
            "meta oifkind { \"bridge\", \"openvswitch\" } accept", "counter name unknown_out drop"),
        chain.lines().skip(1).limit(2).map(String::strip).toList());
  }

  @Test
  void theBypassMarkOpensNothing() {
    List<String> rules = rules(worker, "== 0xc7020000");
    assertEquals(1, rules.size());
    assertFalse(rules.getFirst().contains("accept"));
  }

  @Test
  void exemptPacketsThatArriveAreMarkedSoThatTheirWayBackIsFound() {
    for (String text : List.of(worker, control)) {
      List<String> arriving = rules(text, "exempt_", "_in accept");
      assertEquals(4, arriving.size());
      arriving.forEach(rule -> assertTrue(rule.contains(" | 0xc7020000 counter "), rule));
    }
  }

  @Test
  void exemptTcpHasFourFormsAndRepliesGoInTheReplyDirectionAlone() {
    assertEquals(2, rules(worker, "exempt_api_server_request_out goto pass_out").size());
    assertEquals(2, rules(worker, "exempt_api_server_reply_in accept").size());
    assertEquals(2, rules(control, "exempt_api_server_request_in accept").size());
    assertEquals(2, rules(control, "exempt_api_server_reply_out goto pass_out").size());
    assertEquals(List.of(), rules(worker, "counter name exempt_api_server_reply_out"));
    assertEquals(List.of(), rules(worker, "counter name exempt_api_server_request_in"));
    for (String text : List.of(worker, control)) {
      for (String rule : rules(text, "counter name exempt_")) {
        assertTrue(rule.contains(" tcp "), rule);
        assertEquals(rule.contains("_reply_"), rule.contains(" sport "), rule);
        assertEquals(rule.contains("_reply_"), rule.contains(" ct direction reply "), rule);
        assertEquals(rule.contains("_request_"), rule.contains(" ct direction original "), rule);
        assertEquals(rule.contains("_out "), rule.startsWith("meta iif 0 "), rule);
      }
    }
  }

  @Test
  void nodesThatJoinAreClientsOfTheExemptionThatIsOpenToThemAndOfNothingElse() {
    String open =
        text(Clusters.threeThatOthersJoin(), Clusters.openToJoining(), "control-1", false);
    for (String ip : List.of("ip", "ip6")) {
      String clients = "@clients" + (ip.equals("ip") ? "4" : "6") + " ";
      assertEquals(
          1, rules(open, ip + " saddr " + clients, "exempt_api_server_request_in accept").size());
      assertEquals(
          1, rules(open, ip + " daddr " + clients, "exempt_api_server_reply_out goto").size());
      assertEquals(2, rules(open, clients).size());
    }
    assertEquals(
        4, rules(open, "counter name exempt_etcd_", "@remote_nodes").size(), "known nodes alone");
    assertEquals(
        List.of(
            "add element inet culvert clients4 { 192.168.1.0/26, 192.168.1.80/28,"
                + " 192.168.1.96/27, 192.168.1.128/25 }"),
        rules(open, "add element inet culvert clients4"),
        "pods of worker-3 win");
    assertEquals(List.of(), rules(control, "@clients"));
    assertEquals(List.of(), rules(control, "add element inet culvert clients"));
  }

  @Test
  void everyClassIsDroppedBothWaysAndTheUnknownLast() {
    for (TrafficClass traffic : TrafficClass.values()) {
      String name = traffic.toString().replace('-', '_');
      assertEquals(traffic.fromNode() ? 4 : 2, rules(worker, name + "_out drop").size());
      assertEquals(2, rules(worker, name + "_in drop").size());
    }
    assertEquals(
        3, rules(worker, "counter name unknown_out drop").size(), "and of a pod that is gone");
    assertEquals(2, rules(worker, "@cluster", "unknown_in drop").size());
    assertEquals(4, rules(worker, "counter name unknown_in drop").size());
  }

  /** A destination of others is looked up once, and whatever has none is judged no further. */
  @Test
  void aForeignEndIsAllThatCounts() {
    assertEquals(1, rules(worker, "ip daddr @foreign4 goto leaving4").size());
    assertEquals(1, rules(worker, "ip6 saddr @foreign6 goto arriving6").size());
    String own = "10.244.1.0/24";
    assertEquals(1, rules(worker, "add element inet culvert local_pods4", own).size());
    List<String> foreign = rules(worker, "add element inet culvert foreign4");
    assertEquals(
        List.of(
            "add element inet culvert foreign4 { 10.244.0.0/24, 10.244.2.0/23, 10.244.4.0/22,"
                + " 10.244.8.0/21, 10.244.16.0/20, 10.244.32.0/19, 10.244.64.0/18,"
                + " 10.244.128.0/17, 192.168.1.10/32, 192.168.1.12/32 }"),
        foreign);
  }

  /** A pod gets nothing past the guard by sending an overlay's packets of its own making. */
  @Test
  void onlyWhatANodeSentThroughTheTunnelHasTheOverlaysMark() {
    List<String> rules = rules(worker, "meta mark set", "| 0xc7030000");
    assertEquals(2, rules.size());
    assertTrue(rules.getFirst().startsWith("ip saddr @remote_nodes4 "), rules::toString);
    assertTrue(rules.getLast().startsWith("ip6 saddr @remote_nodes6 "), rules::toString);
  }

  @Test
  void whatThisHostMakesIsDroppedUnderAnyAddress() {
    assertEquals(
        1,
        rules(worker, "meta iif 0 ip saddr != @local_pods4 ip daddr @remote_nodes4", "drop")
            .size());
  }

  @Test
  void overlaysAreNotSentToManyUnlessThatIsAccepted() {
    List<String> rules = rules(worker, "overlay_out drop");
    assertEquals(4, rules.size());
    assertTrue(
        rules.getFirst().startsWith("meta iif 0 ip daddr 224.0.0.0/4 udp dport { 4789, 5000, 6081"),
        rules::toString);
  }

  @Test
  void aClassInClearIsAcceptedAndATranslatedPodIsNoNode() {
    EnumSet<TrafficClass> off = EnumSet.of(TrafficClass.NODE_TO_NODE);
    String text =
        text(new Policy(EnumSet.complementOf(off), true, true, List.of()), "worker-1", false);
    assertEquals(2, rules(text, "node_to_node_in accept").size());
    assertEquals(4, rules(text, "meta iif 0 ", "node_to_node_out ", "goto pass_out").size());
    assertEquals(4, rules(text, "node_to_pod_out drop").size());
    for (String carrier : List.of("udp dport { 4789, 5000, ", "meta l4proto { 4, 41, 47 }")) {
      String overlay = "ip saddr @local_node4 ip daddr @remote_nodes4 " + carrier;
      assertEquals(1, rules(text, "meta iifkind ", overlay, "goto pass_out").size(), carrier);
    }
    assertEquals(List.of(), rules(worker, "meta iifkind "));
  }

  @Test
  void whatIsNotStrictIsCountedAndPasses() {
    Policy lax = new Policy(EnumSet.allOf(TrafficClass.class), false, true, List.of());
    String text = text(lax, "worker-1", false);
    assertEquals(List.of(), rules(text, "_out drop"));
    assertEquals(2, rules(text, "counter name pod_to_pod_out").size());
    assertEquals(2, rules(text, "counter name pod_to_pod_in drop").size());
  }

  /** The packet of an overlay around it would inherit the mark, and leave past the tunnel. */
  @Test
  void onlyAPacketThatNoOverlayCarriesGetsTheMarkOfThoseInClear() {
    List<String> passOut = rules(worker, "meta oifkind { ", "\"vxlan\"", "accept");
    assertEquals(1, passOut.size());
    assertEquals(
        List.of("chain pass_out {", passOut.getFirst()),
        worker
            .lines()
            .map(String::strip)
            .dropWhile(line -> !line.equals("chain pass_out {"))
            .limit(2)
            .toList());
  }

  @Test
  void podsAndNodesKeepTheirSourceIntoTheTunnel() {
    for (String own : List.of("local_pods", "local_node")) {
      for (String ip : List.of("ip", "ip6")) {
        String set = own + (ip.equals("ip") ? "4" : "6");
        String keeps = ip + " saddr @" + set + " snat " + ip + " to " + ip + " saddr";
        assertEquals(1, rules(worker, "oifname \"culvert0\" " + keeps).size(), keeps);
      }
    }
  }

  @Test
  void clientsOfServicesGetTheNodesAddressIntoTheTunnel() {
    List<String> rules = rules(worker, "oifname \"culvert0\" ", "ct status dnat snat");
    assertEquals(
        List.of(
            "oifname \"culvert0\" meta nfproto ipv4 ct status dnat snat ip to 192.168.1.11",
            "oifname \"culvert0\" meta nfproto ipv6 ct status dnat snat ip6 to fd01::11"),
        rules);
  }
}
