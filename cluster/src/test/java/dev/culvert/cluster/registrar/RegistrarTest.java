// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.Node;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** Which node is believed, with which key, ranges and addresses. */
class RegistrarTest {
  private final FakeCluster cluster = new FakeCluster();

  private FakeCluster twoNodes() {
    return cluster
        .node("a", "10.0.0.1", "10.1.0.0/24")
        .claim("a", FakeCluster.key(1))
        .node("b", "10.0.0.2", "10.1.1.0/24")
        .claim("b", FakeCluster.key(2))
        .settle();
  }

  private CulvertNode.Proof proof(String node, int oldKey, int newKey) {
    try (SecretBytes old = SecretBytes.owning(FakeCluster.privateKey(oldKey))) {
      return KeyChangeProof.make(
          old,
          cluster.registrarKey.publicKey(),
          new KeyChangeProof.Change(
              node, node + "-uid", FakeCluster.key(oldKey), FakeCluster.key(newKey)));
    }
  }

  private void assertRejected(String name, String reason, String... names) {
    assertEquals(Phase.REJECTED, cluster.status(name).phase());
    assertEquals(List.of(), cluster.status(name).ranges());
    assertEquals(List.of(), cluster.status(name).addresses());
    var conflict = cluster.condition(name, "NoConflict");
    assertEquals("False", conflict.status());
    assertEquals(reason, conflict.reason());
    for (String each : names) {
      assertTrue(("" + conflict.message()).contains(each), conflict.message());
    }
  }

  @Test
  void aNodeWithKeyRangesAndAddressesIsAccepted() {
    twoNodes();
    var status = cluster.status("a");
    assertEquals(Phase.ACCEPTED, status.phase());
    assertEquals(FakeCluster.key(1), status.publicKey());
    assertEquals("wireguard", status.engine());
    assertEquals(List.of("10.0.0.1:51820"), status.endpoints());
    assertEquals(List.of("10.1.0.0/24"), status.ranges());
    assertEquals(List.of("10.0.0.1"), status.addresses());
    for (String type : List.of("KeyAccepted", "RangesKnown", "NoConflict")) {
      assertEquals("True", cluster.condition("a", type).status());
    }
  }

  @Test
  void atRestNothingIsWritten() {
    twoNodes();
    for (int hour = 0; hour < 3; hour++) {
      cluster.now = cluster.now.plusSeconds(3600);
      assertEquals(List.of(), cluster.decide().changes());
    }
  }

  @Test
  void aHeartbeatOfANodeWritesNothing() {
    twoNodes().node("a", "10.0.0.1", "10.1.0.0/24");
    assertEquals(List.of(), cluster.decide().changes());
  }

  @Test
  void aClaimWaitsForItsNode() {
    cluster.claim("a", FakeCluster.key(1)).settle();
    assertEquals(Phase.PENDING, cluster.status("a").phase());
    assertEquals("NodeUnknown", cluster.condition("a", "KeyAccepted").reason());
    assertEquals(1, cluster.decide().orphans().size());
    cluster.node("a", "10.0.0.1", "10.1.0.0/24").settle();
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
    assertEquals(0, cluster.decide().orphans().size());
  }

  @Test
  void aClaimWaitsForItsRanges() {
    cluster.node("a", "10.0.0.1").claim("a", FakeCluster.key(1)).settle();
    assertEquals(Phase.PENDING, cluster.status("a").phase());
    assertEquals("NoPodCIDRs", cluster.condition("a", "RangesKnown").reason());
    assertEquals("False", cluster.condition("a", "RangesKnown").status());
  }

  @Test
  void aClaimWaitsForItsAddress() {
    cluster
        .node("a", "a-uid", Map.of(), List.of(), List.of("10.1.0.0/24"))
        .claim("a", FakeCluster.key(1))
        .settle();
    assertEquals(Phase.PENDING, cluster.status("a").phase());
    assertEquals("NoAddress", cluster.condition("a", "RangesKnown").reason());
  }

  @Test
  void aClaimOfAnotherNodeUidIsNotBelieved() {
    twoNodes().node("a", "other-uid", Map.of(), List.of("10.0.0.1"), List.of("10.1.0.0/24"));
    StatusChange change = cluster.decide().changes().getFirst();
    assertTrue(change.nodeGone());
    cluster.settle();
    assertEquals(Phase.PENDING, cluster.status("a").phase());
    assertEquals("a", cluster.decide().orphans().getFirst().metadata().name());
  }

  @Test
  void aChangedKeyWithoutProofIsRefusedAndTheOldPeerStays() {
    twoNodes();
    var before = cluster.status("a");
    cluster.rekey("a", FakeCluster.key(9), null);
    cluster.claims.put("a", elsewhere(cluster.claim("a"), "10.0.0.1:4500"));
    cluster.settle();
    var after = cluster.status("a");
    assertEquals(Phase.ACCEPTED, after.phase());
    assertEquals(before.publicKey(), after.publicKey());
    assertEquals(before.endpoints(), after.endpoints());
    assertEquals("False", cluster.condition("a", "KeyAccepted").status());
    assertEquals("KeyChanged", cluster.condition("a", "KeyAccepted").reason());
    String message = "" + cluster.condition("a", "KeyAccepted").message();
    assertTrue(message.contains(FakeCluster.key(9)), message);
    assertTrue(message.contains("run 'culvert nodes accept a'"), message);
    assertEquals(List.of(), cluster.decide().changes());
  }

  /** The same claim with other endpoints. */
  private static CulvertNode elsewhere(CulvertNode claim, String... endpoints) {
    CulvertNode.Spec spec = claim.spec();
    return new CulvertNode(
        claim.metadata(),
        new CulvertNode.Spec(
            spec.nodeUID(),
            spec.engine(),
            spec.publicKey(),
            spec.espKeyId(),
            List.of(endpoints),
            spec.proof()),
        claim.status());
  }

  @Test
  void newEndpointsOfTheAcceptedKeyAreTaken() {
    twoNodes();
    cluster.claims.put("a", elsewhere(cluster.claim("a"), "10.0.0.1:4500"));
    cluster.settle();
    assertEquals(List.of("10.0.0.1:4500"), cluster.status("a").endpoints());
    assertEquals("True", cluster.condition("a", "NoConflict").status());
  }

  /** The whole cluster would send its handshakes there. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "10.0.0.2:51820",
        "10.1.1.7:51820",
        "203.0.113.66:53",
        "224.0.0.1:51820",
        "255.255.255.255:51820",
        "127.0.0.1:51820",
        "169.254.169.254:80",
        "[::1]:51820",
        "[fe80::1]:51820",
        "[ff02::1]:51820",
        "[::ffff:10.0.0.2]:51820"
      })
  void anEndpointAtAnAddressThatIsNotTheNodesOwnIsRefused(String endpoint) {
    twoNodes();
    cluster.claims.put("a", elsewhere(cluster.claim("a"), endpoint, "10.0.0.1:51820"));
    cluster.settle();
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
    assertEquals(List.of("10.0.0.1:51820"), cluster.status("a").endpoints());
    Condition conflict = cluster.condition("a", "NoConflict");
    assertEquals("EndpointNotOwn", conflict.reason());
    assertEquals(
        "the endpoint " + endpoint + " of a is refused: it is at none of its accepted addresses",
        conflict.message());
    assertEquals(List.of(), cluster.decide().changes());
    cluster.node("c", "10.0.0.3", "10.1.2.0/24").claim("c", FakeCluster.key(3));
    cluster.claims.put("c", elsewhere(cluster.claim("c"), endpoint));
    cluster.settle();
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
    assertEquals(List.of(), cluster.status("c").endpoints());
    assertEquals("EndpointNotOwn", cluster.condition("c", "NoConflict").reason());
  }

  @Test
  void ofAnAcceptedAndANewNodeThatWantAFreeRangeTheAcceptedOneGetsIt() {
    cluster.claim("c", FakeCluster.key(3));
    twoNodes().node("c", "10.0.0.3", "10.1.9.0/24");
    cluster.node(
        "b", "b-uid", Map.of(), List.of("10.0.0.2"), List.of("10.1.1.0/24", "10.1.9.0/24"));
    cluster.settle();
    assertEquals(List.of("10.1.1.0/24", "10.1.9.0/24"), cluster.status("b").ranges());
    assertRejected("c", "RangeConflict", "b", "c");
  }

  @Test
  void aChangedKeyWithTheOldOwnersProofIsAccepted() {
    twoNodes();
    cluster.rekey("a", FakeCluster.key(9), proof("a", 1, 9));
    cluster.settle();
    assertEquals(FakeCluster.key(9), cluster.status("a").publicKey());
    assertEquals("ChangeProven", cluster.condition("a", "KeyAccepted").reason());
    assertEquals("True", cluster.condition("a", "KeyAccepted").status());
  }

  @Test
  void aProofForAnotherNodeAnotherKeyOrFromAnotherOwnerIsRefused() {
    twoNodes();
    for (var wrong : List.of(proof("b", 1, 9), proof("a", 1, 8), proof("a", 7, 9))) {
      cluster.rekey("a", FakeCluster.key(9), wrong);
      cluster.settle();
      assertEquals(FakeCluster.key(1), cluster.status("a").publicKey());
      assertEquals("KeyChanged", cluster.condition("a", "KeyAccepted").reason());
    }
  }

  @Test
  void aProofForAnEarlierRegistrarHasToBeMadeAgain() {
    twoNodes();
    cluster.rekey("a", FakeCluster.key(9), proof("a", 1, 9));
    cluster.registrar =
        new Registrar(RegistrarKey.of(FakeCluster.privateKey(77)), Registrar.Settings.NONE);
    cluster.settle();
    assertEquals(FakeCluster.key(1), cluster.status("a").publicKey());
    assertEquals("ProofOutdated", cluster.condition("a", "KeyAccepted").reason());
  }

  @Test
  void anAdministratorAcceptsExactlyTheKeyThatTheAnnotationNames() {
    twoNodes();
    cluster.annotate("a", Map.of("culvert.dev/accept-key", FakeCluster.key(8)));
    cluster.rekey("a", FakeCluster.key(9), null);
    cluster.settle();
    assertEquals(FakeCluster.key(1), cluster.status("a").publicKey());
    cluster.annotate("a", Map.of("culvert.dev/accept-key", FakeCluster.key(9)));
    cluster.settle();
    assertEquals(FakeCluster.key(9), cluster.status("a").publicKey());
    assertEquals("AdministratorApproved", cluster.condition("a", "KeyAccepted").reason());
  }

  @Test
  void aNodeDoesNotLoseItsKeyByClaimingNone() {
    twoNodes();
    var old = cluster.claim("a");
    cluster.claims.put(
        "a",
        new CulvertNode(
            old.metadata(),
            new CulvertNode.Spec("a-uid", "esp", null, 3, List.of("192.0.2.9:1"), null),
            old.status()));
    cluster.settle();
    assertEquals(FakeCluster.key(1), cluster.status("a").publicKey());
    assertEquals("wireguard", cluster.status("a").engine());
    cluster.annotate("a", Map.of("culvert.dev/accept-key", "none"));
    cluster.settle();
    assertNull(cluster.status("a").publicKey());
    assertEquals(3, cluster.status("a").espKeyId());
  }

  @Test
  void aRejectedNodeLosesAllButItsKeyIsRemembered() {
    twoNodes();
    cluster.annotate("a", Map.of("culvert.dev/reject", "stolen"));
    cluster.settle();
    assertEquals(Phase.REJECTED, cluster.status("a").phase());
    assertEquals("stolen", cluster.condition("a", "KeyAccepted").message());
    assertEquals(List.of(), cluster.status("a").ranges());
    cluster.rekey("a", FakeCluster.key(9), null);
    cluster.annotate("a", Map.of());
    cluster.settle();
    assertEquals(Phase.REJECTED, cluster.status("a").phase());
    assertEquals("KeyChanged", cluster.condition("a", "KeyAccepted").reason());
    cluster.rekey("a", FakeCluster.key(1), null);
    cluster.settle();
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
  }

  @Test
  void aKeyOfAnotherNodeIsRejectedAndItsOwnerKeepsIt() {
    twoNodes().node("c", "10.0.0.3", "10.1.2.0/24").claim("c", FakeCluster.key(1)).settle();
    assertRejected("c", "KeyConflict", "a", "c");
    assertEquals("KeyConflict", cluster.condition("c", "KeyAccepted").reason());
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
  }

  @Test
  void anAcceptedNodeThatProvesAnothersKeyKeepsItsOwn() {
    twoNodes();
    cluster.rekey("b", FakeCluster.key(1), proof("b", 2, 1));
    cluster.settle();
    assertEquals(Phase.ACCEPTED, cluster.status("b").phase());
    assertEquals(FakeCluster.key(2), cluster.status("b").publicKey());
    assertEquals("KeyConflict", cluster.condition("b", "KeyAccepted").reason());
  }

  @Test
  void aRangeOfAnotherNodeIsRejectedWhetherEqualInsideOrAround() {
    for (String range : List.of("10.1.0.0/24", "10.1.0.128/25", "10.1.0.7/32", "10.0.0.0/8")) {
      FakeCluster fresh = twoNodesOf(new FakeCluster());
      fresh.node("c", "172.16.0.3", range).claim("c", FakeCluster.key(3)).settle();
      assertEquals(Phase.REJECTED, fresh.status("c").phase(), range);
      var conflict = fresh.condition("c", "NoConflict");
      assertEquals("RangeConflict", conflict.reason());
      assertTrue(("" + conflict.message()).contains("claimed by c and belongs to a"), range);
      assertEquals(Phase.ACCEPTED, fresh.status("a").phase());
    }
  }

  private static FakeCluster twoNodesOf(FakeCluster cluster) {
    return cluster
        .node("a", "10.0.0.1", "10.1.0.0/24")
        .claim("a", FakeCluster.key(1))
        .node("b", "10.0.0.2", "10.1.1.0/24")
        .claim("b", FakeCluster.key(2))
        .settle();
  }

  @Test
  void theSecondIsAcceptedWhenTheFirstOwnerGoes() {
    twoNodes().node("c", "10.0.0.3", "10.1.0.0/24").claim("c", FakeCluster.key(3)).settle();
    assertRejected("c", "RangeConflict", "a", "c");
    cluster.nodes.remove("a");
    List<StatusChange> first = cluster.decide().changes();
    assertEquals(List.of("a"), first.stream().map(StatusChange::name).toList());
    cluster.write(first.getFirst());
    cluster.settle();
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
    assertEquals(List.of("10.1.0.0/24"), cluster.status("c").ranges());
  }

  @Test
  void anObjectThatIsDeletedFreesItsClaims() {
    twoNodes().node("c", "10.0.0.3", "10.1.0.0/24").claim("c", FakeCluster.key(3)).settle();
    cluster.nodes.remove("a");
    cluster.claims.remove("a");
    cluster.settle();
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
  }

  @Test
  void ofTwoNewNodesTheOlderOneIsTheOwner() {
    cluster.node("z", "10.0.0.1", "10.1.0.0/24").claim("z", FakeCluster.key(1));
    cluster.node("a", "10.0.0.2", "10.1.0.0/24").claim("a", FakeCluster.key(2)).settle();
    assertEquals(Phase.ACCEPTED, cluster.status("z").phase());
    assertRejected("a", "RangeConflict", "a", "z");
  }

  @Test
  void anAddressOfAnotherNodeIsRejected() {
    twoNodes().node("c", "10.0.0.1", "10.1.2.0/24").claim("c", FakeCluster.key(3)).settle();
    assertRejected("c", "AddressConflict", "a", "c", "10.0.0.1");
  }

  @Test
  void anAcceptedNodeWhoseKubeletAddsAnothersAddressKeepsItsOwnOnly() {
    twoNodes()
        .node("b", "b-uid", Map.of(), List.of("10.0.0.1", "10.0.0.2"), List.of("10.1.1.0/24"))
        .settle();
    assertEquals(Phase.ACCEPTED, cluster.status("b").phase());
    assertEquals(List.of("10.0.0.2"), cluster.status("b").addresses());
    assertEquals(List.of("10.0.0.1"), cluster.status("a").addresses());
    assertEquals("AddressConflict", cluster.condition("b", "NoConflict").reason());
  }

  @Test
  void anAddressInsideAnothersPodRangeIsRefusedButInsideOnesOwnIsNot() {
    twoNodes()
        .node("c", "10.1.0.9", "10.1.2.0/24")
        .claim("c", FakeCluster.key(3))
        .node("d", "10.1.3.9", "10.1.3.0/24")
        .claim("d", FakeCluster.key(4))
        .settle();
    assertRejected("c", "AddressConflict", "a", "c");
    assertEquals(Phase.ACCEPTED, cluster.status("d").phase());
  }

  @Test
  void serviceLoopbackAndMetadataAddressesAreNoNodes() {
    cluster.registrar =
        new Registrar(
            cluster.registrarKey,
            new Registrar.Settings(
                List.of(), List.of(Prefix.parse("10.96.0.0/12")), List.of(), List.of()));
    for (String address :
        List.of("10.96.0.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "::1")) {
      cluster.node("c", address, "10.1.2.0/24").claim("c", FakeCluster.key(3)).settle();
      assertRejected("c", "Reserved", address, "c");
    }
    cluster.node("c", "10.0.0.3", "10.100.0.0/24").claim("c", FakeCluster.key(3)).settle();
    assertRejected("c", "Reserved", "10.100.0.0/24");
    cluster.node("c", "10.0.0.3", "0.0.0.0/0").claim("c", FakeCluster.key(3)).settle();
    assertRejected("c", "Reserved", "0.0.0.0/0");
  }

  @Test
  void anApiServersAddressIsForControlPlaneNodesOnly() {
    cluster.registrar =
        new Registrar(
            cluster.registrarKey,
            new Registrar.Settings(
                List.of(), List.of(), List.of(IpAddress.parse("10.0.0.1")), List.of()));
    cluster.node("w", "10.0.0.1", "10.1.0.0/24").claim("w", FakeCluster.key(1)).settle();
    assertRejected("w", "Reserved", "10.0.0.1", "w");
    cluster
        .node(
            "m",
            "m-uid",
            Map.of("node-role.kubernetes.io/control-plane", ""),
            List.of("10.0.0.1"),
            List.of("10.1.1.0/24"))
        .claim("m", FakeCluster.key(2))
        .settle();
    assertEquals(Phase.ACCEPTED, cluster.status("m").phase());
    assertEquals(List.of("control-plane"), cluster.status("m").roles());
  }

  @Test
  void anAddressOutsideOfTheNodesNetworksIsRefused() {
    cluster.registrar =
        new Registrar(
            cluster.registrarKey,
            new Registrar.Settings(
                List.of(Prefix.parse("10.0.0.0/16")), List.of(), List.of(), List.of()));
    cluster.node("c", "8.8.8.8", "10.1.2.0/24").claim("c", FakeCluster.key(3)).settle();
    assertRejected("c", "OutsideNodeNetworks", "8.8.8.8", "c");
    cluster.node("c", "10.0.7.8", "10.1.2.0/24").settle();
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
  }

  /** A kubelet can write its Node's podCIDRs, and the addresses of its own pods. */
  @Test
  void aRangeOutsideOfThePodsNetworksIsRefusedAndTheRestOfAnAcceptedNodeStays() {
    cluster.registrar =
        new Registrar(
            cluster.registrarKey,
            new Registrar.Settings(
                List.of(), List.of(), List.of(), List.of(Prefix.parse("10.1.0.0/16"))));
    for (String range : List.of("8.8.8.0/24", "10.0.0.0/8", "10.2.0.0/24", "fd00::/64")) {
      cluster.node("c", "10.0.0.3", range).claim("c", FakeCluster.key(3)).settle();
      assertRejected("c", "OutsidePodNetworks", range, "c");
    }
    cluster.node("c", "10.0.0.3", "10.1.2.0/24").settle();
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
    cluster
        .node("c", "c-uid", Map.of(), List.of("10.0.0.3"), List.of("10.1.2.0/24", "8.8.8.0/24"))
        .settle();
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
    assertEquals(List.of("10.1.2.0/24"), cluster.status("c").ranges());
    assertTrue(cluster.status("c").faults().toString().contains("OutsidePodNetworks"));
  }

  @Test
  void anExternalAddressIsNotBelieved() {
    cluster.node("a", "10.0.0.1", "10.1.0.0/24").claim("a", FakeCluster.key(1));
    Node node = cluster.nodes.get("a");
    cluster.nodes.put(
        "a",
        new Node(
            Objects.requireNonNull(node).metadata(),
            node.spec(),
            new Node.Status(
                List.of(
                    new Node.Address("ExternalIP", "203.0.113.9"),
                    new Node.Address("InternalIP", "10.0.0.1")))));
    cluster.settle();
    assertEquals(List.of("10.0.0.1"), cluster.status("a").addresses());
  }

  @Test
  void onlyLabelsThatAKubeletCannotSetAreBelieved() {
    cluster
        .node(
            "a",
            "a-uid",
            Map.of(
                "node-role.kubernetes.io/edge", "",
                "node-restriction.kubernetes.io/zone", "x",
                "kubernetes.io/hostname", "a",
                "exempt", "yes"),
            List.of("10.0.0.1"),
            List.of("10.1.0.0/24"))
        .claim("a", FakeCluster.key(1))
        .settle();
    assertEquals(List.of("edge"), cluster.status("a").roles());
    assertEquals(
        Map.of("node-role.kubernetes.io/edge", "", "node-restriction.kubernetes.io/zone", "x"),
        cluster.status("a").labels());
  }

  @Test
  void tooManyRangesAreRefusedAsAWhole() {
    List<String> cidrs = new ArrayList<>();
    for (int i = 0; i < 513; i++) {
      cidrs.add("10." + (64 + i / 256) + "." + i % 256 + ".0/24");
    }
    cluster
        .node("a", "a-uid", Map.of(), List.of("10.0.0.1"), cidrs)
        .claim("a", FakeCluster.key(1))
        .settle();
    assertEquals(Phase.PENDING, cluster.status("a").phase());
    assertEquals("TooManyRanges", cluster.condition("a", "RangesKnown").reason());
    assertEquals(List.of(), cluster.status("a").ranges());
    cluster.node("a", "a-uid", Map.of(), List.of("10.0.0.1"), cidrs.subList(0, 512)).settle();
    assertEquals(512, cluster.status("a").ranges().size());
    cluster.node("a", "a-uid", Map.of(), List.of("10.0.0.1"), cidrs.subList(1, 513)).settle();
    assertEquals(512, cluster.status("a").ranges().size());
    assertTrue(cluster.status("a").ranges().contains(cidrs.get(512)));
    List<String> other = new ArrayList<>(cidrs.subList(1, 513));
    other.add("10.200.0.0/24");
    cluster.node("a", "a-uid", Map.of(), List.of("10.0.0.1"), other).settle();
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
    assertEquals("TooManyRanges", cluster.condition("a", "RangesKnown").reason());
    assertFalse(cluster.status("a").ranges().contains("10.200.0.0/24"));
  }

  @Test
  void tooManyAddressesAreRefusedAsAWhole() {
    List<String> addresses = new ArrayList<>();
    for (int i = 1; i <= 17; i++) {
      addresses.add("10.0.0." + i);
    }
    cluster
        .node("a", "a-uid", Map.of(), addresses, List.of("10.1.0.0/24"))
        .claim("a", FakeCluster.key(1))
        .settle();
    assertEquals("TooManyAddresses", cluster.condition("a", "RangesKnown").reason());
    assertEquals(Phase.PENDING, cluster.status("a").phase());
  }

  @Test
  void ofTooManyLabelsNoneIsBelieved() {
    Map<String, String> labels = new HashMap<>();
    for (int i = 0; i < 65; i++) {
      labels.put("node-restriction.kubernetes.io/" + i, "");
    }
    cluster
        .node("a", "a-uid", labels, List.of("10.0.0.1"), List.of("10.1.0.0/24"))
        .claim("a", FakeCluster.key(1))
        .settle();
    assertEquals("TooManyLabels", cluster.condition("a", "RangesKnown").reason());
    assertEquals(Map.of(), cluster.status("a").labels());
  }

  @Test
  void rangesThatAreNoLongerKnownStay() {
    twoNodes().node("a", "10.0.0.1").settle();
    assertEquals(Phase.ACCEPTED, cluster.status("a").phase());
    assertEquals(List.of("10.1.0.0/24"), cluster.status("a").ranges());
    assertEquals("NoPodCIDRs", cluster.condition("a", "RangesKnown").reason());
  }

  @Test
  void aStatusInDoubtIsNobodyElses() {
    twoNodes();
    cluster.node("d", "10.0.0.4", "10.1.7.0/24").claim("d", FakeCluster.key(4));
    StatusChange accepted = cluster.decide().changes().getFirst();
    assertEquals("d", accepted.name());
    cluster.inDoubt.put("d", accepted.status());
    cluster.node("c", "10.0.0.3", "10.1.7.0/24").claim("c", FakeCluster.key(3));
    assertEquals(List.of(), cluster.decide().changes());
    cluster.inDoubt.clear();
    cluster.write(accepted);
    cluster.settle();
    assertRejected("c", "RangeConflict", "c", "d");
  }

  @Test
  void aRangeThatMovesIsReleasedBeforeItIsGiven() {
    twoNodes()
        .node("a", "10.0.0.1", "10.1.5.0/24")
        .node("b", "10.0.0.2", "10.1.0.0/24")
        .node("a", "10.0.0.1", "10.1.5.0/24");
    List<StatusChange> first = cluster.decide().changes();
    for (StatusChange change : first) {
      assertFalse(
          change.name().equals("b") && change.status().ranges().contains("10.1.0.0/24"),
          "b got the range while a's status has it");
    }
    first.forEach(cluster::write);
    cluster.settle();
    assertEquals(List.of("10.1.5.0/24"), cluster.status("a").ranges());
    assertEquals(List.of("10.1.0.0/24"), cluster.status("b").ranges());
    assertEquals("True", cluster.condition("b", "NoConflict").status());
  }

  @Test
  void aKeyOfLowOrderOrOfTwoTextsIsRefused() {
    byte[] second = Base64.getDecoder().decode(FakeCluster.key(1));
    second[31] |= (byte) 0x80;
    twoNodes();
    for (String key :
        List.of(
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
            "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=",
            "7P///////////////////////////////////////38=",
            Base64.getEncoder().encodeToString(second),
            "short")) {
      if (key.length() == 44 && !key.equals(Base64.getEncoder().encodeToString(second))) {
        byte[] any = FakeCluster.privateKey(5);
        assertFalse(X25519.agree(any, Base64.getDecoder().decode(key), new byte[32]), key);
      }
      cluster.node("c", "10.0.0.3", "10.1.2.0/24").claim("c", key).settle();
      assertEquals(Phase.REJECTED, cluster.status("c").phase(), key);
      assertEquals("KeyInvalid", cluster.condition("c", "KeyAccepted").reason());
    }
  }

  @Test
  void thePatchNamesTheVersionAndRemovesWhatIsGone() {
    cluster
        .node(
            "a",
            "a-uid",
            Map.of("node-restriction.kubernetes.io/zone", "x"),
            List.of("10.0.0.1"),
            List.of("10.1.0.0/24"))
        .claim("a", FakeCluster.key(1))
        .settle();
    cluster.annotate("a", Map.of("culvert.dev/reject", "stolen"));
    StatusChange change = cluster.decide().changes().getFirst();
    var patch = JsonMapper.shared().readTree(change.patch());
    assertEquals(
        cluster.claim("a").metadata().resourceVersion(),
        patch.at("/metadata/resourceVersion").asString());
    assertTrue(patch.at("/status/labels/node-restriction.kubernetes.io~1zone").isNull());
    assertTrue(patch.at("/status/engine").isNull());
    assertEquals("Rejected", patch.at("/status/phase").asString());
    assertTrue(patch.at("/status/ranges").isEmpty());
  }

  /** A kubelet may write any text there, and people read the condition in a terminal. */
  @Test
  void aConditionQuotesNothingThatSteersATerminal() {
    String text = "\u001b[2J\u202e" + "\ud83d\ude00".repeat(2000);
    cluster.node("a", "a-uid", Map.of(), List.of(text), List.of("10.1.0.0/24"));
    cluster.claim("a", FakeCluster.key(1));
    String message =
        cluster.decide().changes().getFirst().status().faults().stream()
            .filter(fault -> fault.startsWith("InvalidAddress"))
            .findFirst()
            .orElseThrow();
    assertTrue(message.codePoints().allMatch(c -> c >= ' ' && c != 0x202e), message);
    assertFalse(message.codePoints().anyMatch(c -> c >= 0xd800 && c <= 0xdfff), "half a character");
    assertTrue(message.endsWith("..."), message);
  }
}
