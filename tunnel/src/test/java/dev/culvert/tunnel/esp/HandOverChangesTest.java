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
import dev.culvert.tunnel.esp.HandOverScene.Kind;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.util.List;
import java.util.Map;
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
  void anotherGlobalKeyUnderOneIdBeginsAnew() {
    HandOverScene scene = connected(Kind.GLOBAL);
    Set<SaKeyId> before = scene.alice.keys(true, scene.network.now);
    // Key 2 is not newer than key 3, as if an older file had been put back.
    scene.alice.keyings = seed -> HandOverScene.global(true, seed, 2);
    scene.bob.keyings = seed -> HandOverScene.global(true, seed, 2);
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    scene.network.settle();
    scene.connect();
    assertNotEquals(before, scene.alice.keys(true, scene.network.now));
  }
}
