// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.LinkFacts;
import dev.culvert.routing.plan.OuterHeaders;
import dev.culvert.routing.plan.PlanCompiler;
import dev.culvert.tunnel.kernel.PlanApplier.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** 5,000 nodes of both families, 100,000 pod ranges, on the kernel of this machine. */
@Tag("integration")
class LargeClusterTest {
  private static final Logger LOG = LoggerFactory.getLogger(LargeClusterTest.class);
  private static final int NODES = 5000;
  private static final int RANGES_A_NODE = 10;
  private static final int SERVERS = 3;

  private NetworkNamespace namespace;
  private PlanApplier applier;

  @BeforeEach
  void makeNode() throws Exception {
    namespace = NetworkNamespace.create();
    namespace.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
    namespace.exec("ip", "address", "add", "172.16.0.3/16", "dev", "eth0");
    namespace.exec("ip", "address", "add", "172.16.0.0/16", "dev", "eth0");
    namespace.exec("ip", "address", "add", "fd00::3/64", "dev", "eth0", "nodad");
    namespace.exec("ip", "address", "add", "fd00::/64", "dev", "eth0", "nodad");
    namespace.exec("ip", "link", "set", "eth0", "up");
    namespace.exec("ip", "link", "set", "peer0", "up");
    namespace.exec("ip", "tuntap", "add", "tun0", "mode", "tun");
    applier = namespace.call(PlanApplier::open);
  }

  @AfterEach
  void leave() {
    applier.close();
    namespace.close();
  }

  private static ClusterMap cluster() {
    List<ClusterNode> nodes = new ArrayList<>();
    for (int i = 0; i < NODES; i++) {
      List<Prefix> pods = new ArrayList<>();
      for (int j = 0; j < RANGES_A_NODE; j++) {
        int range = i * RANGES_A_NODE + j;
        pods.add(new Prefix(IpAddress.ofV4(10 << 24 | range << 7), 26));
        pods.add(new Prefix(IpAddress.ofV6(0xfd44_0000_0000_0000L | range << 1, 0), 64));
      }
      nodes.add(
          new ClusterNode(
              "node-" + i,
              Set.of(i < SERVERS ? "control-plane" : "worker"),
              Map.of(),
              List.of(IpAddress.ofV4(0xac10_0000 + i), IpAddress.ofV6(0xfd00L << 48, i)),
              List.of(),
              pods,
              "key-" + i));
    }
    return ClusterMap.of(nodes, List.of(Prefix.parse("10.0.0.0/8"), Prefix.parse("fd44::/16")));
  }

  private Outcome apply(String change, KernelPlan plan) throws Exception {
    long start = System.nanoTime();
    Outcome outcome = namespace.call(() -> applier.apply(plan));
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    LOG.info("{}: {} ms, {} changes", change, millis, outcome.changes().size());
    assertEquals(List.of(), outcome.failures());
    assertEquals(List.of(), outcome.waiting());
    return outcome;
  }

  @ParameterizedTest
  @CsvSource({"node-3", "node-0"})
  void thePlanOfALargeClusterIsAppliedKeptAndRepaired(String self) throws Exception {
    LinkFacts facts =
        new LinkFacts(
            "tun0",
            1420,
            Plans.TABLE,
            List.of("eth0"),
            List.of("eth0"),
            List.of("eth0"),
            new OuterHeaders(Plans.MARK, 51820),
            new Mark(0x200, 0xf00),
            Plans.OVERLAY,
            false);
    long start = System.nanoTime();
    KernelPlan plan = PlanCompiler.compile(cluster(), Policy.STRICT, self, facts);
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    LOG.info(
        "{}: {} rules, {} routes, made in {} ms",
        self,
        plan.rules().size(),
        plan.routes().size(),
        millis);
    assertTrue(plan.rules().size() < 60, plan.rules().size() + " rules");

    apply(self + " first", plan);
    assertEquals(List.of(), apply(self + " again", plan).changes());
    boolean server = self.equals("node-0");
    leads("172.16.0.77", "tun0");
    leads("fd00::4d", "tun0");
    leads("172.16.0.1 ipproto tcp dport 6443", "eth0");
    leads("172.16.0.77 from 172.16.0.0 ipproto tcp sport 6443", server ? "eth0" : "tun0");
    leads("10.5.5.5 from 172.16.0.0 ipproto tcp sport 6443", "tun0");

    namespace.exec("ip", "rule", "flush");
    namespace.exec("ip", "route", "flush", "table", String.valueOf(Plans.TABLE + 1));
    assertTrue(!apply(self + " rules and routes flushed", plan).changes().isEmpty());
    namespace.exec("nft", "flush", "ruleset");
    assertEquals(
        List.of("load guard", "load the guard of the link layer"),
        apply(self + " guard flushed", plan).changes());
    assertEquals(List.of(), apply(self + " at last", plan).changes());
    LOG.info("{} deletes the device", self);
    namespace.exec("ip", "link", "delete", "tun0");
    assertTrue(!namespace.call(() -> applier.apply(plan)).waiting().isEmpty());
    String error = "";
    try {
      namespace.exec("ip", "route", "get", "172.16.0.77");
    } catch (IOException e) {
      error = String.valueOf(e.getMessage());
    }
    assertTrue(error.contains("No route to host"), error);
    LOG.info("{} removes all", self);
    assertTrue(!namespace.call(applier::remove).isEmpty());
    LOG.info("{} removed", self);
    assertEquals("", namespace.exec("ip", "route", "show", "table", "all", "proto", "199"));
  }

  private void leads(String way, String device) throws Exception {
    String route = namespace.exec(("ip route get " + way).split(" "));
    assertTrue(route.contains("dev " + device), way + ": " + route);
  }
}
