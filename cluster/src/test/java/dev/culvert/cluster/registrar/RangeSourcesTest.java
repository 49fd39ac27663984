// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.registrar.RangeSource.Known;
import dev.culvert.cluster.registrar.RangeSource.Unknown;
import dev.culvert.cluster.resource.CiliumNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.IpamBlock;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.Pod;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** The ranges of a node's pods, read from each CNI's objects. */
class RangeSourcesTest {
  private static final JsonMapper JSON = JsonMapper.shared();

  private static Node node(String name) {
    return JSON.readValue("{\"metadata\":{\"name\":\"" + name + "\"}}", Node.class);
  }

  private static List<String> ranges(RangeSource source, String node) {
    return assertInstanceOf(Known.class, source.of(node(node))).ranges().stream()
        .map(Prefix::toString)
        .toList();
  }

  private static Pod pod(String node, String... ips) {
    return new Pod(
        node("pod").metadata(),
        new Pod.Spec(node, null),
        new Pod.Status("Running", List.of(ips).stream().map(Pod.PodIp::new).toList()));
  }

  @Test
  void aNodesRangesAreItsPodCidrs() {
    Node dual =
        JSON.readValue(
            """
            {"metadata":{"name":"a"},
             "spec":{"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24","fd00:1::/64"]}}
            """,
            Node.class);
    assertEquals(
        List.of(Prefix.parse("10.1.0.0/24"), Prefix.parse("fd00:1::/64")),
        assertInstanceOf(Known.class, RangeSources.nodes().of(dual)).ranges());
    Node old =
        JSON.readValue(
            "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"podCIDR\":\"10.1.0.0/24\"}}", Node.class);
    assertEquals(
        List.of(Prefix.parse("10.1.0.0/24")),
        assertInstanceOf(Known.class, RangeSources.nodes().of(old)).ranges());
    assertEquals(
        "NoPodCIDRs", assertInstanceOf(Unknown.class, RangeSources.nodes().of(node("a"))).reason());
  }

  @Test
  void aCidrThatIsNoneIsAnErrorThatQuotesIt() {
    Node wrong =
        JSON.readValue(
            "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"podCIDRs\":[\"10.1.0.0/33\"]}}",
            Node.class);
    Unknown unknown = assertInstanceOf(Unknown.class, RangeSources.nodes().of(wrong));
    assertEquals("InvalidRange", unknown.reason());
    assertTrue(unknown.message().contains("33"), unknown.message());
  }

  @Test
  void ciliumsRangesAreThoseOfItsOwnNode() {
    CiliumNode cilium =
        JSON.readValue(
            """
            {"metadata":{"name":"a"},"spec":{"ipam":{"podCIDRs":["10.9.0.0/24"]},"other":1}}
            """,
            CiliumNode.class);
    RangeSource source = RangeSources.ciliumNodes(List.of(cilium));
    assertEquals(List.of("10.9.0.0/24"), ranges(source, "a"));
    assertEquals("NoCiliumRanges", assertInstanceOf(Unknown.class, source.of(node("b"))).reason());
  }

  /** As Calico writes it: 10.2.0.0/29 of a, of which b borrows one and one cools down. */
  private static IpamBlock block() {
    return JSON.readValue(
        """
        {"apiVersion":"crd.projectcalico.org/v1","kind":"IPAMBlock",
         "metadata":{"name":"10-2-0-0-29"},
         "spec":{"cidr":"10.2.0.0/29","affinity":"host:a","strictAffinity":false,"deleted":false,
          "allocations":[0,null,1,2,null,null,null,7],
          "unallocated":[1,4,5,6],
          "attributes":[
           {"handle_id":"h0","secondary":{"node":"a","pod":"p","namespace":"n"}},
           {"handle_id":"h1","secondary":{"node":"b","pod":"q","namespace":"n"}},
           {}]}}
        """,
        IpamBlock.class);
  }

  @Test
  void aCalicoBlockIsItsNodesAndABorrowedAddressTheBorrowers() {
    RangeSource source = new CalicoBlocks(List.of(block()));
    assertEquals(List.of("10.2.0.0/29"), ranges(source, "a"));
    assertEquals(List.of("10.2.0.2/32"), ranges(source, "b"));
    assertEquals(List.of(), ranges(source, "c"));
  }

  @Test
  void aDeletedBlockIsNobodysAndAVirtualAffinityNoNodes() {
    IpamBlock.Spec spec = Objects.requireNonNull(block().spec());
    IpamBlock deleted =
        new IpamBlock(
            block().metadata(),
            new IpamBlock.Spec(
                spec.cidr(), spec.affinity(), spec.allocations(), spec.attributes(), true));
    assertEquals(List.of(), ranges(new CalicoBlocks(List.of(deleted)), "a"));
    IpamBlock balancer =
        new IpamBlock(
            block().metadata(),
            new IpamBlock.Spec(
                spec.cidr(), "virtual:a", spec.allocations(), spec.attributes(), null));
    RangeSource source = new CalicoBlocks(List.of(balancer));
    assertEquals(List.of("10.2.0.0/32"), ranges(source, "a"));
    assertEquals(List.of("10.2.0.2/32"), ranges(source, "b"));
  }

  @Test
  void aBorrowedAddressIsNoConflict() {
    FakeCluster cluster = new FakeCluster();
    cluster.ranges = new CalicoBlocks(List.of(block()));
    cluster
        .node("a", "10.0.0.1")
        .claim("a", FakeCluster.key(1))
        .node("b", "10.0.0.2")
        .claim("b", FakeCluster.key(2))
        .settle();
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
    assertEquals(Phase.ACCEPTED, cluster.status("b").phase());
    assertEquals(List.of("10.2.0.2/32"), cluster.status("b").ranges());
    assertEquals(List.of(), cluster.decide().changes());
  }

  @Test
  void aBlockOfAnotherNodeInsideABlockIsAConflict() {
    FakeCluster cluster = new FakeCluster();
    IpamBlock inside =
        new IpamBlock(
            block().metadata(),
            new IpamBlock.Spec("10.2.0.4/30", "host:b", List.of(), List.of(), null));
    cluster.ranges = new CalicoBlocks(List.of(block(), inside));
    cluster
        .node("a", "10.0.0.1")
        .claim("a", FakeCluster.key(1))
        .node("b", "10.0.0.2")
        .claim("b", FakeCluster.key(2))
        .settle();
    assertEquals(Phase.REJECTED, cluster.status("b").phase());
  }

  @Test
  void podsOfTheHostsNetworkAndEndedOrUnscheduledPodsOwnNothing() {
    RangeSource source =
        RangeSources.pods(
            List.of(
                pod("a", "10.3.0.9", "fd00::9"),
                new Pod(
                    node("p").metadata(),
                    new Pod.Spec("a", true),
                    new Pod.Status("Running", List.of(new Pod.PodIp("10.0.0.1")))),
                new Pod(
                    node("p").metadata(),
                    new Pod.Spec("a", null),
                    new Pod.Status("Succeeded", List.of(new Pod.PodIp("10.3.0.8")))),
                new Pod(
                    node("p").metadata(),
                    new Pod.Spec("a", null),
                    new Pod.Status("Failed", List.of(new Pod.PodIp("10.3.0.7")))),
                new Pod(node("p").metadata(), new Pod.Spec("", null), null)));
    assertEquals(List.of("10.3.0.9/32", "fd00::9/128"), ranges(source, "a"));
    assertEquals(List.of(), ranges(source, "b"));
  }

  @Test
  void neighbouringPodsOfOneNodeBecomeOneRange() {
    List<Pod> pods = new ArrayList<>();
    for (int i = 0; i < 256; i++) {
      pods.add(pod(i == 77 ? "b" : "a", "10.3.0." + i));
    }
    RangeSource source = RangeSources.pods(pods);
    assertEquals(List.of("10.3.0.77/32"), ranges(source, "b"));
    assertEquals(
        List.of(
            "10.3.0.0/26",
            "10.3.0.64/29",
            "10.3.0.72/30",
            "10.3.0.76/32",
            "10.3.0.78/31",
            "10.3.0.80/28",
            "10.3.0.96/27",
            "10.3.0.128/25"),
        ranges(source, "a"));
  }

  @Test
  void aRangeOfPodsHoldsEachOfItsNodesAddressesAndNoOther() {
    Random random = new Random(4711);
    for (int round = 0; round < 50; round++) {
      Map<IpAddress, String> owners = new HashMap<>();
      List<Pod> pods = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        IpAddress address = IpAddress.ofV4(0x0a030000 + random.nextInt(512));
        String owner = owners.computeIfAbsent(address, any -> "n" + random.nextInt(3));
        pods.add(pod(owner, address.toString()));
      }
      RangeSource source = RangeSources.pods(pods);
      Set<IpAddress> covered = new HashSet<>();
      for (int n = 0; n < 3; n++) {
        Known known = assertInstanceOf(Known.class, source.of(node("n" + n)));
        for (Prefix range : known.ranges()) {
          for (int i = 0; i < 1 << (32 - range.length()); i++) {
            IpAddress address = Addresses.at(range, i);
            assertEquals("n" + n, owners.get(address));
            assertTrue(covered.add(address));
          }
        }
      }
      assertEquals(owners.keySet(), covered);
    }
  }

  @Test
  void aPodOnAnotherNodesAddressIsLeftOutAndTheNodeStays() {
    FakeCluster cluster = new FakeCluster();
    cluster.ranges = RangeSources.pods(List.of(pod("a", "10.3.0.1"), pod("b", "10.3.0.8")));
    cluster
        .node("a", "10.0.0.1")
        .claim("a", FakeCluster.key(1))
        .node("b", "10.0.0.2")
        .claim("b", FakeCluster.key(2))
        .settle();
    cluster.ranges =
        RangeSources.pods(List.of(pod("a", "10.3.0.1"), pod("b", "10.3.0.8", "10.3.0.1")));
    cluster.settle();
    assertEquals(List.of("10.3.0.1/32"), cluster.status("a").ranges());
    assertEquals(Phase.ACCEPTED, cluster.status("b").phase());
    assertEquals(List.of("10.3.0.8/32"), cluster.status("b").ranges());
    assertEquals("RangeConflict", cluster.condition("b", "NoConflict").reason());
    cluster.ranges = RangeSources.pods(List.of(pod("b", "10.3.0.8", "10.3.0.1")));
    cluster.settle();
    assertEquals(List.of("10.3.0.1/32", "10.3.0.8/32"), cluster.status("b").ranges());
    assertFalse(cluster.status("a").ranges().contains("10.3.0.1/32"));
  }
}
