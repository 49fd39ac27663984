// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** SAs that are bound to two nodes: the ranges that pass under them may change while they go on. */
final class NodeBoundSaTest {
  private static final IpAddress NEW_POD = IpAddress.parse("10.7.7.7");

  private final EspStation alice = new EspStation("alice", 1);
  private final EspStation bob = new EspStation("bob", 2);

  private static void owns(
      EspStation self, EspStation other, Binding binding, Endpoint at, IpAddress... behind) {
    List<Prefix> remote = Arrays.stream(behind).map(Prefix::host).toList();
    Selectors selectors = new Selectors(List.of(Prefix.host(self.inner)), remote);
    self.engine.peers(
        List.of(
            new EspPeerSettings(
                other.name,
                self.address.address(),
                other.address.address(),
                at,
                selectors,
                binding,
                0)),
        0);
  }

  @BeforeEach
  void join() {
    owns(alice, bob, Binding.NODES, bob.address, bob.inner);
    owns(bob, alice, Binding.NODES, alice.address, alice.inner);
    bob.receiveUnder(alice, ofNodes(bob.sa(alice, 1, true)));
    alice.sendUnder(bob, ofNodes(alice.sa(bob, 1, true)));
  }

  private static SaParameters ofNodes(SaParameters sa) {
    return SaParameters.whole(
        sa.spi(), sa.algorithm(), sa.key(), sa.salt(), sa.esn(), Selectors.ANY);
  }

  private void fromNewPod(int number) {
    byte[] packet = EspStation.packet(NEW_POD, bob.inner, number);
    assertEquals(SealResult.SEALED, alice.sealPackets(alice.peer(bob), 0, packet));
    alice.outbox.forEach(datagram -> bob.receive(alice.address, 0, datagram));
    alice.outbox.clear();
  }

  private static List<SaKeyId> keys(EspStation of) {
    return of.engine.secrets().stream()
        .map(
            secret -> {
              try (secret) {
                return SaKeyId.of(secret.algorithm(), secret.key(), secret.salt());
              }
            })
        .toList();
  }

  @Test
  void anAddressPassesFromTheMomentItIsThePeersAndNoLonger() {
    List<SaKeyId> keys = keys(bob);
    fromNewPod(1);
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 1L), bob.drops());
    owns(bob, alice, Binding.NODES, alice.address, alice.inner, NEW_POD);
    fromNewPod(2);
    owns(bob, alice, Binding.NODES, alice.address, alice.inner);
    fromNewPod(3);
    assertEquals(List.of(2), bob.deliveredNumbers());
    assertEquals(2, bob.drops(DropReason.SOURCE_NOT_ALLOWED));
    assertEquals(keys, keys(bob), "the SAs go on");
    assertEquals(1, bob.peer(alice).settings().selectors().remote().size());
  }

  @Test
  void whatIsForAnotherThanThisEndIsNotDelivered() {
    owns(bob, alice, Binding.NODES, alice.address, alice.inner);
    byte[] packet = EspStation.packet(alice.inner, NEW_POD, 1);
    assertEquals(SealResult.SEALED, alice.sealPackets(alice.peer(bob), 0, packet));
    alice.outbox.forEach(datagram -> bob.receive(alice.address, 0, datagram));
    assertEquals(List.of(), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.DESTINATION_NOT_ALLOWED, 1L), bob.drops());
  }

  @Test
  void aPeerElsewhereBeginsAnew() {
    owns(bob, alice, Binding.NODES, Endpoint.of(IpAddress.parse("192.0.2.9"), 4500), alice.inner);
    assertNull(bob.peer(alice).outbound());
    assertEquals(List.of(), keys(bob));
  }

  @Test
  void onesThatAreBoundToTheirSelectorsEndWithThem() {
    owns(bob, alice, Binding.SELECTORS, alice.address, alice.inner);
    EspStation.join(alice, bob, true, 3, 1);
    assertNotEquals(List.of(), keys(bob));
    owns(bob, alice, Binding.SELECTORS, alice.address, alice.inner, NEW_POD);
    assertEquals(List.of(), keys(bob));
  }
}
