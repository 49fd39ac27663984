// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A device's update is applied whole or changes nothing, and a snapshot shows the settings. */
final class DeviceConfigurationTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final Node carol = new Node("carol", 3);
  private final Endpoint somewhere = Endpoint.of(IpAddress.parse("198.51.100.1"), 1);

  private DeviceSnapshot.PeerSnapshot only() {
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertEquals(1, snapshot.peers().size());
      return snapshot.peers().getFirst();
    }
  }

  private List<String> ranges() {
    return only().allowedIps().stream().map(Prefix::toString).toList();
  }

  @Test
  void snapshotShowsWhatWasSet() {
    alice.apply(
        new PeerUpdate(
            bob.publicKey,
            false,
            false,
            SecretBytes.copyOf(bob.privateKey.toByteArray()),
            somewhere,
            OptionalInt.of(25),
            false,
            List.of(new PeerUpdate.AllowedIpChange(Prefix.parse("10.0.0.0/8"), false))));
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      DeviceSnapshot.PeerSnapshot peer = snapshot.peers().getFirst();
      assertEquals(alice.privateKey, snapshot.privateKey());
      assertEquals(alice.publicKey, snapshot.publicKey());
      assertEquals(bob.publicKey, peer.publicKey());
      assertEquals(bob.privateKey, peer.presharedKey());
      assertEquals(somewhere, peer.endpoint());
      assertEquals(25, peer.persistentKeepalive());
      assertEquals(List.of(Prefix.parse("10.0.0.0/8")), peer.allowedIps());
      assertNull(peer.lastHandshake());
      assertEquals(0, peer.txBytes() + peer.rxBytes());
    }
  }

  @Test
  void snapshotShowsWhenTheLastHandshakeWas() {
    SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
    network.send(alice, bob, 1);
    network.settle();
    long wall = network.wall(alice) - SECONDS.toNanos(1) + 2 * SimulatedNetwork.LATENCY;
    assertEquals(Instant.EPOCH.plusNanos(wall), only().lastHandshake());
  }

  @Test
  void rangesAreAddedTakenAwayAndReplaced() {
    alice.apply(Updates.peer(bob.publicKey, null, "10.2.0.0/16", "10.1.0.0/16", "fd00::/8"));
    assertEquals(List.of("10.1.0.0/16", "10.2.0.0/16", "fd00::/8"), ranges());
    alice.apply(Updates.peer(bob.publicKey, null, "-10.1.0.0/16", "-10.77.0.0/16", "10.3.0.0/16"));
    assertEquals(List.of("10.2.0.0/16", "10.3.0.0/16", "fd00::/8"), ranges());
    alice.apply(Updates.peer(bob.publicKey, null, OptionalInt.empty(), true, "10.4.0.0/16"));
    assertEquals(List.of("10.4.0.0/16"), ranges());
    assertNull(alice.engine.route4((int) IpAddress.parse("10.2.0.1").low()));
  }

  @Test
  void rangeMovesToThePeerThatIsGivenIt() {
    alice.apply(
        Updates.peer(bob.publicKey, null, "10.0.0.0/8"),
        Updates.peer(carol.publicKey, null, "10.0.0.0/8"));
    TunnelPeer owner = alice.engine.route4((int) carol.inner.low());
    assertEquals(carol.publicKey.toString(), String.valueOf(owner));
    alice.apply(Updates.peer(bob.publicKey, null, "-10.0.0.0/8"));
    assertSame(owner, alice.engine.route4((int) carol.inner.low()));
    alice.remove(carol);
    assertNull(alice.engine.route4((int) carol.inner.low()));
  }

  @Test
  void ipv6IsRouted() {
    alice.apply(Updates.peer(bob.publicKey, null, "2001:db8::/32"));
    IpAddress inside = IpAddress.parse("2001:db8::77");
    assertEquals(
        bob.publicKey.toString(), String.valueOf(alice.engine.route6(inside.high(), inside.low())));
    assertNull(alice.engine.route6(0, 1));
  }

  @Test
  void moreAllowedIpsThanTheHeapBearsAreRefusedAndChangeNothing() {
    alice.apply(Updates.peer(bob.publicKey, somewhere, "10.0.0.0/8"));
    Prefix longest = Prefix.parse("fd00::1/128");
    long many = Runtime.getRuntime().maxMemory() / 20 / 128 + 1;
    PeerUpdate greedy =
        new PeerUpdate(
            carol.publicKey,
            false,
            false,
            null,
            null,
            OptionalInt.empty(),
            false,
            Collections.nCopies(
                Math.toIntExact(many), new PeerUpdate.AllowedIpChange(longest, false)));
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> alice.apply(greedy));
    assertTrue(String.valueOf(refused.getMessage()).contains("heap"), refused::getMessage);
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertEquals(1, snapshot.peers().size());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void updateThatCannotBeAppliedChangesNothing(int fault) {
    alice.apply(Updates.peer(bob.publicKey, somewhere, "10.0.0.0/8"));
    SecretBytes shortKey = SecretBytes.owning(new byte[31]);
    PeerUpdate good = Updates.peer(carol.publicKey, null, "10.0.0.0/8");
    PeerUpdate bad =
        new PeerUpdate(
            carol.publicKey,
            false,
            false,
            fault == 0 ? shortKey : null,
            null,
            OptionalInt.of(fault == 1 ? 65_536 : 1),
            false,
            List.of());
    DeviceUpdate update =
        new DeviceUpdate(
            fault == 2 ? shortKey : carol.privateKey,
            OptionalInt.empty(),
            OptionalInt.empty(),
            true,
            List.of(good, bad));
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> alice.engine.apply(update));
    assertTrue(String.valueOf(refused.getMessage()).contains("not"), refused::getMessage);
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertEquals(alice.publicKey, snapshot.publicKey());
    }
    assertEquals(bob.publicKey, only().publicKey());
    assertEquals(List.of("10.0.0.0/8"), ranges());
  }

  @Test
  void peerWithOurOwnKeyIsSkippedAndRemovedWhenTheKeyBecomesOurs() {
    alice.apply(Updates.peer(alice.publicKey, null, "10.0.0.0/8"));
    alice.apply(Updates.peer(bob.publicKey, null, "10.0.0.0/8"));
    assertEquals(bob.publicKey, only().publicKey());
    alice.engine.apply(Updates.privateKey(bob.privateKey));
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertEquals(List.of(), snapshot.peers());
    }
    assertNull(alice.engine.route4((int) bob.inner.low()));
  }

  @Test
  void updateOnlyAndRemoveMakeNoPeer() {
    alice.apply(
        new PeerUpdate(
            bob.publicKey, false, true, null, somewhere, OptionalInt.empty(), false, List.of()));
    alice.remove(bob);
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertEquals(List.of(), snapshot.peers());
    }
  }

  @Test
  void replacingPeersKeepsTheSessionsOfThoseThatAreNamedAndForgetsTheirSettings() {
    SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
    alice.peer(carol, somewhere, null, OptionalInt.of(5), "10.0.0.3/32");
    alice.peer(bob, null, bob.privateKey, OptionalInt.of(5), "10.5.0.0/16");
    alice.peer(bob, null, Updates.NO_KEY, OptionalInt.of(5), "10.5.0.0/16");
    network.send(alice, bob, 1);
    network.settle();
    Session session = alice.session(bob);
    alice.peer(bob, null, bob.privateKey, OptionalInt.of(5), "10.5.0.0/16");
    alice.engine.apply(Updates.replacing(Updates.peer(bob.publicKey, null, "10.0.0.2/32")));
    assertEquals(List.of("10.0.0.2/32"), ranges());
    assertEquals(0, only().persistentKeepalive());
    assertEquals(bob.address, only().endpoint());
    assertSame(session, alice.session(bob));
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertTrue(snapshot.peers().getFirst().presharedKey().isZero());
    }
  }

  @Test
  void removedPeersStagedPacketsAreDroppedAndCounted() {
    SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
    network.lose = sent -> true;
    WireGuardPeer gone = alice.peer(bob);
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1, 2));
    alice.remove(bob);
    assertEquals(2, alice.drops(DropReason.NO_SESSION));
    network.run(SECONDS.toNanos(10));
    assertEquals(List.of(), network.seen);
    assertTrue(gone.staged().isEmpty());
  }

  @Test
  void closedEngineHasNoKeysPeersOrRoutes() {
    SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
    network.send(alice, bob, 1);
    network.settle();
    WireGuardPeer peer = alice.peer(bob);
    Session session = alice.session(bob);
    alice.engine.close();
    try (DeviceSnapshot snapshot = alice.engine.snapshot()) {
      assertNull(snapshot.privateKey());
      assertEquals(List.of(), snapshot.peers());
    }
    assertEquals(false, session.pin());
    assertEquals(
        SealResult.DROPPED,
        alice.sealPackets(peer, network.now, Node.packet(alice.inner, bob.inner, 1)));
  }

  @Test
  void nothingThatCanBePrintedHoldsASecret() {
    SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
    network.send(alice, bob, 1);
    network.settle();
    assertEquals("Session[" + bob.publicKey + ", initiator]", alice.session(bob).toString());
    assertEquals(bob.publicKey.toString(), alice.peer(bob).toString());
  }
}
