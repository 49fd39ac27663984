// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.CulvertPolicy.Encrypt;
import dev.culvert.cluster.resource.CulvertPolicy.Strict;
import dev.culvert.cluster.resource.EncryptionExemption;
import dev.culvert.cluster.resource.EncryptionExemption.Selector;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Holds how objects of the API become a snapshot, and that bad ones are left out and named. */
class SnapshotsTest {
  private static Metadata metadata(String name) {
    return Samples.metadata(name, 1);
  }

  private static CulvertNode node(
      String name, @Nullable String key, List<String> ranges, List<String> addresses) {
    return Samples.node(metadata(name), Samples.key(String.valueOf(key)), ranges, addresses);
  }

  /** The same node, accepted at another time. */
  private static CulvertNode acceptedAt(CulvertNode node, String time) {
    CulvertNode.Status s = Objects.requireNonNull(node.status());
    return new CulvertNode(
        node.metadata(),
        node.spec(),
        new CulvertNode.Status(
            s.phase(),
            s.engine(),
            s.publicKey(),
            s.espKeyId(),
            s.endpoints(),
            s.ranges(),
            s.addresses(),
            s.roles(),
            s.labels(),
            List.of(new Condition("KeyAccepted", "True", null, null, time, 1L))));
  }

  private static CulvertNode status(CulvertNode node, Phase phase, String endpoint) {
    CulvertNode.Status s = Objects.requireNonNull(node.status());
    return new CulvertNode(
        node.metadata(),
        node.spec(),
        new CulvertNode.Status(
            phase,
            s.engine(),
            s.publicKey(),
            s.espKeyId(),
            List.of(endpoint),
            s.ranges(),
            s.addresses(),
            s.roles(),
            s.labels(),
            s.conditions()));
  }

  private static ClusterSnapshot of(CulvertNode... nodes) {
    return Snapshots.of(List.of(nodes), null, null);
  }

  private static List<String> names(ClusterSnapshot snapshot) {
    return snapshot.members().stream().map(Member::name).toList();
  }

  @Test
  void readsAnAcceptedNode() {
    ClusterSnapshot snapshot =
        of(
            node(
                "a",
                "k",
                List.of("10.1.0.0/24", "fd00:1::/64"),
                List.of("192.0.2.1", "2001:db8::1")));
    assertEquals(List.of(), snapshot.problems());
    Member member = snapshot.members().getFirst();
    assertEquals("a", member.name());
    assertEquals(Samples.key("k"), member.publicKey());
    assertEquals("192.0.2.1:51820", member.endpoint());
    assertEquals(
        List.of(Prefix.parse("10.1.0.0/24"), Prefix.parse("fd00:1::/64")), member.ranges());
    assertEquals(
        List.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("2001:db8::1")), member.addresses());
    assertEquals(Set.of("worker"), member.roles());
    assertNull(snapshot.exemptions());
    assertNull(snapshot.policy());
  }

  @Test
  void leavesOutWhatIsNotAccepted() {
    CulvertNode a = node("a", "a", List.of(), List.of("192.0.2.1"));
    CulvertNode unseen = new CulvertNode(metadata("b"), a.spec(), null);
    assertEquals(List.of(), names(of(status(a, Phase.PENDING, "192.0.2.1:1"), unseen)));
    assertEquals(List.of(), names(of(status(a, Phase.REJECTED, "192.0.2.1:1"))));
  }

  /** The registrar gives nothing away that has an owner, so that node is gone. */
  @Test
  void aNodeThatIsKeptYieldsToOneThatTheRegistrarGaveItsRangeOrAddress() {
    CulvertNode range = node("a", "a", List.of("10.1.0.0/24"), List.of("192.0.2.1"));
    CulvertNode address = node("b", "b", List.of("10.2.0.0/24"), List.of("192.0.2.2"));
    CulvertNode free = node("c", "c", List.of("10.3.0.0/24"), List.of("192.0.2.3"));
    CulvertNode owner =
        acceptedAt(
            node("owner", "d", List.of("10.1.0.0/24"), List.of("192.0.2.2")),
            "2999-01-01T00:00:00Z");
    ClusterSnapshot snapshot =
        Snapshots.of(
            List.of(range, address, free, owner), Set.of("a", "b", "c"), List.of(), List.of());
    assertEquals(List.of("c", "owner"), names(snapshot));
    assertEquals(List.of(), snapshot.problems());
    assertEquals(List.of(Prefix.parse("10.1.0.0/24")), snapshot.members().getLast().ranges());
  }

  /** Left out as a whole, a node would be reached in clear. */
  @Test
  void aNodeOfWhichAPartCannotBeReadStaysAMemberWithTheRest() {
    ClusterSnapshot snapshot =
        of(
            node("address", "1", List.of("10.1.0.0/24"), List.of("192.0.2.1", "192.0.2.256")),
            node("all", "2", List.of("0.0.0.0/0", "10.2.0.0/24"), List.of("192.0.2.2")),
            Samples.node(metadata("key"), "no key", List.of("10.3.0.0/24"), List.of("192.0.2.3")),
            node("range", "4", List.of("10.4.0.0/33", "10.4.0.0/24"), List.of("192.0.2.4")));
    assertEquals(List.of("address", "all", "key", "range"), names(snapshot));
    for (int i = 0; i < 4; i++) {
      Member member = snapshot.members().get(i);
      int number = i + 1;
      assertEquals(List.of(Prefix.parse("10." + number + ".0.0/24")), member.ranges());
      assertEquals(List.of(IpAddress.parse("192.0.2." + number)), member.addresses());
    }
    assertNull(snapshot.members().get(2).publicKey());
    assertEquals(
        List.of(
            "node address is without an address: not an IP address: 192.0.2.256",
            "node all is without a range: 0.0.0.0/0 is every address there is",
            "node key is without its key: its key is not base64",
            "node range is without a range: "),
        snapshot.problems().stream()
            .sorted()
            .map(problem -> problem.startsWith("node range") ? problem.substring(0, 31) : problem)
            .toList());
  }

  /** A node's own daemon writes its endpoint: no node may have itself reached in clear by that. */
  @Test
  void aNodeWhoseEndpointCannotBeReadStaysAMember() {
    for (String endpoint : List.of("192.0.2.4:0", "example:1", "999.0.0.1:1", "[192.0.2.4]:1")) {
      CulvertNode node = node("a", "4", List.of("10.4.0.0/24"), List.of("192.0.2.4"));
      ClusterSnapshot snapshot = of(status(node, Phase.ACCEPTED, endpoint));
      Member member = snapshot.members().getFirst();
      assertEquals(Samples.key("4"), member.publicKey());
      assertEquals(List.of(IpAddress.parse("192.0.2.4")), member.addresses());
      assertNull(member.endpoint());
      assertTrue(
          snapshot.problems().getFirst().startsWith("node a is without its endpoint: "),
          snapshot.problems().toString());
    }
  }

  @Test
  void givesAKeyToItsFirstOwner() {
    CulvertNode thief =
        acceptedAt(node("a", "key", List.of(), List.of("192.0.2.1")), "2026-11-29T00:00:02Z");
    CulvertNode owner =
        acceptedAt(node("b", "key", List.of(), List.of("192.0.2.2")), "2026-11-29T00:00:01Z");
    for (ClusterSnapshot snapshot : List.of(of(thief, owner), of(owner, thief))) {
      assertEquals(List.of("a", "b"), names(snapshot));
      assertNull(snapshot.members().get(0).publicKey(), "it is reached by no key, nor in clear");
      assertEquals(Samples.key("key"), snapshot.members().get(1).publicKey());
      assertEquals(
          List.of("node a is without its key: its key is that of b, which had it before"),
          snapshot.problems());
    }
  }

  @Test
  void givesARangeAndAnAddressToItsFirstOwnerAndTheRestToTheSecond() {
    CulvertNode second =
        acceptedAt(
            node(
                "a", "a", List.of("10.1.0.0/24", "10.2.0.0/24"), List.of("192.0.2.1", "192.0.2.9")),
            "2026-11-29T00:00:02Z");
    CulvertNode first =
        acceptedAt(
            node("b", "b", List.of("10.1.0.0/24"), List.of("192.0.2.9")), "2026-11-29T00:00:01Z");
    ClusterSnapshot snapshot = of(second, first);
    assertEquals(List.of("a", "b"), names(snapshot));
    Member a = snapshot.members().get(0);
    Member b = snapshot.members().get(1);
    assertEquals(List.of(Prefix.parse("10.2.0.0/24")), a.ranges());
    assertEquals(List.of(IpAddress.parse("192.0.2.1")), a.addresses());
    assertEquals(List.of(Prefix.parse("10.1.0.0/24")), b.ranges());
    assertEquals(List.of(IpAddress.parse("192.0.2.9")), b.addresses());
    assertEquals(
        List.of(
            "node a is without address 192.0.2.9: b had it before",
            "node a is without range 10.1.0.0/24: b had it before"),
        snapshot.problems());
  }

  private static EncryptionExemption exemption(
      String name, Map<String, String> labels, String protocol, String... ports) {
    return new EncryptionExemption(
        metadata(name),
        new EncryptionExemption.Spec(new Selector(labels), protocol, List.of(ports)));
  }

  @Test
  void readsAnExemption() {
    EncryptionExemption etcd =
        exemption(
            "etcd",
            Map.of(
                "node-role.kubernetes.io/control-plane",
                "",
                "node-role.kubernetes.io/zone",
                "one",
                "node-restriction.kubernetes.io/db",
                "yes"),
            "TCP",
            "2379-2380",
            "6443");
    var read =
        Objects.requireNonNull(Snapshots.of(List.of(), List.of(etcd), null).exemptions())
            .getFirst();
    assertEquals("etcd", read.name());
    assertEquals(IpProtocol.TCP, read.protocol());
    assertEquals(List.of(new PortRange(2379, 2380), PortRange.of(6443)), read.ports());
    assertEquals(
        new NodeSelector(
            Set.of("control-plane"),
            Map.of(
                "node-role.kubernetes.io/zone", "one", "node-restriction.kubernetes.io/db", "yes")),
        read.servers());
  }

  @Test
  void leavesOutAnExemptionThatAKubeletCouldMeet() {
    String role = "node-role.kubernetes.io/control-plane";
    ClusterSnapshot snapshot =
        Snapshots.of(
            List.of(),
            List.of(
                exemption("empty", Map.of(), "TCP", "1"),
                exemption("label", Map.of("kubernetes.io/os", "linux"), "TCP", "1"),
                exemption("sctp", Map.of(role, ""), "SCTP", "1"),
                exemption("port", Map.of(role, ""), "TCP", "70000"),
                exemption("none", Map.of(role, ""), "TCP"),
                exemption("Name", Map.of(role, ""), "TCP", "1"),
                exemption("good", Map.of(role, ""), "UDP", "1")),
            null);
    assertEquals(1, Objects.requireNonNull(snapshot.exemptions()).size());
    assertEquals(6, snapshot.problems().size(), snapshot.problems().toString());
  }

  private static CulvertPolicy policy(
      @Nullable Encrypt encrypt, @Nullable Strict strict, List<String> off, String... ranges) {
    return new CulvertPolicy(
        metadata("default"), new CulvertPolicy.Spec(List.of(ranges), encrypt, strict, off));
  }

  @Test
  void readsThePolicyWithSwitchesOnUnlessTheyAreOffTwice() {
    ClusterSnapshot on = Snapshots.of(List.of(), null, List.of(policy(null, null, List.of())));
    ClusterSnapshot.ClusterPolicy all = Objects.requireNonNull(on.policy());
    assertEquals(4, all.encrypted().size());
    assertTrue(all.strictEgress() && all.strictIngress());
    CulvertPolicy off =
        policy(
            new Encrypt(null, false, true, false),
            new Strict(true, false),
            List.of("podToNode", "nodeToNode", "strictIngress"),
            "10.0.0.0/8");
    ClusterSnapshot.ClusterPolicy some =
        Objects.requireNonNull(Snapshots.of(List.of(), null, List.of(off)).policy());
    assertEquals(Set.of(TrafficClass.POD_TO_POD, TrafficClass.NODE_TO_POD), some.encrypted());
    assertTrue(some.strictEgress() && !some.strictIngress());
    assertEquals(List.of(Prefix.parse("10.0.0.0/8")), some.clusterCidrs());
  }

  /** Else the file's policy would count, which may have fewer ranges. */
  @Test
  void thePartsOfAPolicyThatCannotBeReadAreAsStrictAsCanBe() {
    CulvertPolicy bad =
        policy(
            new Encrypt(false, false, null, null),
            new Strict(false, null),
            List.of("podToNode"),
            "10.0.0.0/8",
            "x",
            "0.0.0.0/0",
            "fd00::/8");
    ClusterSnapshot snapshot = Snapshots.of(List.of(), null, List.of(bad));
    ClusterSnapshot.ClusterPolicy read = Objects.requireNonNull(snapshot.policy());
    assertEquals(
        Set.of(TrafficClass.POD_TO_POD, TrafficClass.NODE_TO_POD, TrafficClass.NODE_TO_NODE),
        read.encrypted());
    assertTrue(read.strictEgress() && read.strictIngress());
    assertEquals(
        List.of(Prefix.parse("10.0.0.0/8"), Prefix.parse("fd00::/8")), read.clusterCidrs());
    assertEquals(
        List.of(
            "policy default: podToPod stays on: turnsOff does not name it",
            "policy default: strictEgress stays on: turnsOff does not name it",
            "policy default: a range is left out: not an IP address: x",
            "policy default: a range is left out: 0.0.0.0/0 is every address there is"),
        snapshot.problems());
  }

  @Test
  void readsThousandsOfNodesWithoutProblems() {
    List<CulvertNode> nodes = IntStream.range(0, 5000).mapToObj(Samples::node).toList();
    ClusterSnapshot snapshot = Snapshots.of(nodes, List.of(), List.of());
    assertEquals(5000, snapshot.members().size());
    assertEquals(List.of(), snapshot.problems());
  }
}
