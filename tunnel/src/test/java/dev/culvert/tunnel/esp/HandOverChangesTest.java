// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.HandOverScene.Kind;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import dev.culvert.tunnel.testing.Station;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The process that continues has another configuration than the one before. */
final class HandOverChangesTest {
  private static HandOverScene connected(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    scene.traffic(10);
    return scene;
  }

  @ParameterizedTest
  @EnumSource
  void theTrafficOfAPeerThatIsGoneStillCounts(Kind kind) {
    HandOverScene scene = connected(kind);
    long now = scene.network.now;
    long sent = scene.alice.engine().reading(now).txBytes();
    scene.alice.peers.clear();
    scene.alice.handOver(now);
    assertEquals(List.of(), scene.alice.engine().securityAssociations(now));
    assertEquals(sent, scene.alice.engine().reading(now).txBytes());
    assertTrue(sent > 0);
  }

  @ParameterizedTest
  @EnumSource
  void aPeerThatIsNewLeavesTheOthersAlone(Kind kind) {
    HandOverScene scene = connected(kind);
    Set<SaKeyId> before = scene.alice.keys(true, scene.network.now);
    IpAddress carol = IpAddress.parse("192.0.2.3");
    scene.alice.peers.put(
        "carol",
        new EspPeerSettings(
            "carol",
            scene.alice.address.address(),
            carol,
            Endpoint.of(carol, 4500),
            new Selectors(
                List.of(Prefix.host(scene.alice.inner)),
                List.of(Prefix.host(IpAddress.parse("10.0.0.3"))))));
    if (kind == Kind.NOISE) {
      scene.alice.keyings = seed -> HandOverScene.noise(1, Map.of("bob", 2, "carol", 3), seed);
    }
    scene.alice.handOver(scene.network.now);
    scene.assertConnected();
    scene.network.run(SECONDS.toNanos(3));
    assertEquals(before, scene.alice.keys(true, scene.network.now));
    boolean asked = scene.network.seen.stream().anyMatch(s -> s.to().address().equals(carol));
    assertEquals(kind.exchanges(), asked);
  }

  @ParameterizedTest
  @EnumSource
  void aPeerAtAnotherEndpointBeginsAnew(Kind kind) {
    HandOverScene scene = connected(kind);
    Set<SaKeyId> before = scene.alice.keys(true, scene.network.now);
    scene.bob.address = Endpoint.of(scene.bob.address.address(), 4511);
    scene.alice.peers.put("bob", scene.alice.settings(scene.bob));
    scene.alice.handOver(scene.network.now);
    scene.network.run(SECONDS.toNanos(10));
    scene.assertConnected();
    if (kind.exchanges()) {
      assertTrue(scene.alice.keys(true, scene.network.now).stream().noneMatch(before::contains));
    }
    assertEquals(0, scene.sealed.repeated);
  }

  @ParameterizedTest
  @EnumSource
  void aPeerWithOtherSelectorsBeginsAnewAndAcceptsNothingFromBefore(Kind kind) {
    HandOverScene scene = connected(kind);
    List<Sent> recorded = scene.packets(scene.alice);
    Selectors wider =
        new Selectors(
            List.of(Prefix.host(scene.bob.inner), Prefix.parse("10.7.0.0/16")),
            List.of(Prefix.host(scene.alice.inner)));
    EspPeerSettings known = scene.bob.settings(scene.alice);
    scene.bob.peers.put(
        "alice",
        new EspPeerSettings(
            "alice", known.localNode(), known.remoteNode(), known.endpoint(), wider));
    scene.bob.handOver(scene.network.now);
    int before = scene.bob.delivered.size();
    recorded.forEach(sent -> scene.network.inject(sent.from(), sent.to(), sent.bytes()));
    scene.network.settle();
    assertEquals(before, scene.bob.delivered.size());
    assertEquals(
        recorded.size(),
        scene.bob.drops(kind.exchanges() ? DropReason.UNKNOWN_SA : DropReason.REPLAYED));
    EspPeerSettings theirs = scene.alice.settings(scene.bob);
    scene.alice.peers.put(
        "bob",
        new EspPeerSettings(
            "bob",
            theirs.localNode(),
            theirs.remoteNode(),
            theirs.endpoint(),
            new Selectors(/* local= */ wider.remote(), /* remote= */ wider.local())));
    scene.alice.handOver(scene.network.now);
    scene.network.run(SECONDS.toNanos(20));
    scene.assertConnected();
    assertEquals(0, scene.sealed.repeated);
  }

  @Test
  void anotherKindOfKeyingBeginsAnew() {
    HandOverScene scene = connected(Kind.GLOBAL);
    long sent = scene.alice.engine().reading(scene.network.now).txBytes();
    scene.alice.keyings = seed -> HandOverScene.noise(1, "bob", 2, seed);
    scene.bob.keyings = seed -> HandOverScene.noise(2, "alice", 1, seed);
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    assertEquals(List.of(), scene.alice.engine().securityAssociations(scene.network.now));
    assertEquals(sent, scene.alice.engine().reading(scene.network.now).txBytes());
    scene.network.settle();
    scene.connect();
  }

  @Test
  void anotherStaticKeyBeginsAnew() {
    HandOverScene scene = connected(Kind.NOISE);
    scene.alice.keyings = seed -> HandOverScene.noise(7, "bob", 2, seed);
    scene.bob.keyings = seed -> HandOverScene.noise(2, "alice", 7, seed);
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    assertEquals(List.of(), scene.alice.engine().securityAssociations(scene.network.now));
    assertEquals(List.of(), scene.bob.engine().securityAssociations(scene.network.now));
    scene.network.settle();
    scene.connect();
  }

  @Test
  void anotherChoiceOfEsnBeginsAnew() {
    HandOverScene scene = connected(Kind.GLOBAL);
    scene.alice.keyings = seed -> HandOverScene.global(false, seed, 3);
    scene.bob.keyings = seed -> HandOverScene.global(false, seed, 3);
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    assertEquals(List.of(), scene.alice.engine().securityAssociations(scene.network.now));
    scene.network.settle();
    scene.connect();
  }

  @Test
  void anOlderGlobalKeyBeginsAnew() {
    HandOverScene scene = connected(Kind.GLOBAL);
    Set<SaKeyId> before = scene.alice.keys(true, scene.network.now);
    // As if an older file had been put back.
    scene.alice.keyings = seed -> HandOverScene.global(true, seed, 2);
    scene.bob.keyings = seed -> HandOverScene.global(true, seed, 2);
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    assertEquals(List.of(), scene.alice.engine().securityAssociations(scene.network.now));
    scene.network.settle();
    scene.connect();
    assertNotEquals(before, scene.alice.keys(true, scene.network.now));
  }

  /** Has either end have an SA for each prefix behind the other. */
  private static void divide(HandOverScene scene, HandOverStation station, String... behindBob) {
    HandOverStation other = station == scene.alice ? scene.bob : scene.alice;
    EspPeerSettings known = station.settings(other);
    List<Prefix> bobs = Arrays.stream(behindBob).map(Prefix::parse).toList();
    List<Prefix> alices = List.of(Prefix.host(scene.alice.inner));
    station.peers.put(
        other.name,
        new EspPeerSettings(
            other.name,
            known.localNode(),
            known.remoteNode(),
            known.endpoint(),
            station == scene.alice ? new Selectors(alices, bobs) : new Selectors(bobs, alices),
            EspPeerSettings.Binding.ENDPOINTS,
            0));
  }

  private static HandOverScene divided() {
    HandOverScene scene = new HandOverScene(Kind.GLOBAL);
    for (HandOverStation station : List.of(scene.alice, scene.bob)) {
      divide(scene, station, "10.0.0.2/32", "10.5.0.0/16");
      station.engine().peers(station.peers.values(), scene.network.now);
    }
    scene.connect();
    sendTo(scene, "10.5.0.1");
    return scene;
  }

  /** Alice sends a packet to an address behind Bob. */
  private static void sendTo(HandOverScene scene, String inner) {
    IpAddress destination = IpAddress.parse(inner);
    TunnelPeer peer = Objects.requireNonNull(scene.alice.engine().route4((int) destination.low()));
    int before = scene.bob.delivered.size();
    scene.alice.sealPackets(
        peer, scene.network.now, Station.packet(scene.alice.inner, destination, 1));
    for (byte[] datagram : scene.alice.outbox) {
      scene.network.transmit(scene.alice.address, scene.bob.address, datagram);
    }
    scene.alice.outbox.clear();
    scene.network.settle();
    assertEquals(before + 1, scene.bob.delivered.size(), inner);
  }

  @Test
  void anSaForEachPrefixGoesOnWhilePrefixesComeAndGo() {
    HandOverScene scene = divided();
    Set<SaKeyId> before = scene.alice.keys(true, scene.network.now);
    assertEquals(2, before.size());
    scene.alice.handOver(scene.network.now);
    assertEquals(before, scene.alice.keys(true, scene.network.now));
    sendTo(scene, "10.5.0.1");
    divide(scene, scene.bob, "10.0.0.2/32", "10.6.0.0/16");
    divide(scene, scene.alice, "10.0.0.2/32", "10.6.0.0/16");
    scene.bob.handOver(scene.network.now);
    scene.alice.handOver(scene.network.now);
    sendTo(scene, "10.6.0.1");
    scene.assertConnected();
    // The prefix that was there before comes back, with the same key.
    divide(scene, scene.bob, "10.0.0.2/32", "10.5.0.0/16");
    divide(scene, scene.alice, "10.0.0.2/32", "10.5.0.0/16");
    scene.bob.handOver(scene.network.now);
    scene.alice.handOver(scene.network.now);
    sendTo(scene, "10.5.0.1");
    assertEquals(before, scene.alice.keys(true, scene.network.now));
    assertEquals(0, scene.sealed.repeated);
  }

  @Test
  void aKeyThatTheDeadSuccessorDerivedForANewPrefixIsNotDerivedAgain() throws StateException {
    HandOverScene scene = divided();
    EspEngine former = scene.alice.engine();
    Keying keying = scene.alice.keying();
    divide(scene, scene.bob, "10.0.0.2/32", "10.6.0.0/16");
    divide(scene, scene.alice, "10.0.0.2/32", "10.6.0.0/16");
    scene.bob.handOver(scene.network.now);
    scene.alice.continueWith(
        scene.alice.save(scene.network.now), scene.network.now, SafetyJump.PACKETS);
    sendTo(scene, "10.6.0.1");
    scene.alice.engine().close();
    scene.alice.goOnWith(former, keying);
    former.peers(scene.alice.peers.values(), scene.network.now);
    scene.network.settle();
    sendTo(scene, "10.6.0.1");
    assertEquals(0, scene.sealed.repeated);
  }
}
