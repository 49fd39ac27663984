// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.noise.CookieGenerator;
import dev.culvert.tunnel.noise.ProtocolLabels;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Two nodes, each with one static key for both protocols. */
final class WireGuardIsAnotherProtocolTest {
  /** As the WireGuard paper has them. */
  private static final ProtocolLabels WIREGUARD =
      new ProtocolLabels("WireGuard v1 zx2c4 Jason@zx2c4.com", "mac1----", "cookie--");

  private static final int MARKER = 4;
  private static final long NOW = 0;
  private static final long WALL = 1_700_000_000_000_000_000L;

  private final SealLog sealed = new SealLog();
  private final NoiseStation alice = new NoiseStation("alice", 1, sealed);
  private final NoiseStation bob = new NoiseStation("bob", 2, sealed);
  private final Datagram datagram = new Datagram(Arena.ofAuto());

  /** The WireGuard engine of {@code self}, which begins a handshake with {@code peer} at once. */
  private static WireGuardEngine wireGuard(NoiseStation self, NoiseStation peer) {
    WireGuardEngine engine =
        new WireGuardEngine(
            AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), NoiseStation.seeded(7));
    engine.apply(
        new DeviceUpdate(
            self.privateKey,
            OptionalInt.empty(),
            OptionalInt.empty(),
            false,
            List.of(
                new PeerUpdate(
                    peer.publicKey,
                    false,
                    false,
                    null,
                    peer.address,
                    OptionalInt.of(25),
                    false,
                    List.of(new PeerUpdate.AllowedIpChange(Prefix.host(peer.inner), false))))));
    return engine;
  }

  private byte[] firstMessage(TunnelEngine engine) {
    engine.advance(NOW, WALL);
    assertTrue(engine.pollTransmit(datagram, NOW));
    return datagram.memory().asSlice(0, datagram.length()).toArray(ValueLayout.JAVA_BYTE);
  }

  private boolean answers(TunnelEngine engine) {
    engine.advance(NOW, WALL);
    return engine.pollTransmit(datagram, NOW);
  }

  private static byte[] marked(byte[] message) {
    return ByteBuffer.allocate(MARKER + message.length).put(MARKER, message).array();
  }

  private static byte[] unmarked(byte[] message) {
    return Arrays.copyOfRange(message, MARKER, message.length);
  }

  /** Gives {@code message} to {@code engine}; returns its drops. */
  private static Map<DropReason, Long> receive(
      WireGuardEngine engine, NoiseStation from, byte[] message) {
    DataPath path = engine.newDataPath();
    MemorySegment memory = Arena.ofAuto().allocate(2048);
    MemorySegment.copy(message, 0, memory, ValueLayout.JAVA_BYTE, 0, message.length);
    Train train = new Train();
    train.received(memory, 0, message.length, 1, message.length);
    path.open(train, from.address, NOW);
    engine.advance(NOW, WALL);
    Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
    path.drops().addTo(drops);
    engine.drops().addTo(drops);
    return drops;
  }

  /** Only bob knows alice: so that he himself says nothing before he is told something. */
  private void bobKnowsAliceAndHasGreetedHer() {
    bob.knows(alice);
    firstMessage(bob.engine());
    assertFalse(answers(bob.engine()));
  }

  @Test
  void initiationOfWireGuardIsDroppedByALane() {
    bobKnowsAliceAndHasGreetedHer();
    byte[] initiation = firstMessage(wireGuard(alice, bob));
    bob.receive(alice.address, NOW, initiation);
    bob.receive(alice.address, NOW, marked(initiation));
    assertEquals(1, bob.drops(DropReason.UNKNOWN_SA));
    assertEquals(1, bob.drops(DropReason.BAD_MAC1));
    assertFalse(answers(bob.engine()));
    assertEquals(Map.of(), bob.keying().drops().snapshot());
  }

  @Test
  void initiationOfWireGuardUnderAForgedMac1DoesNotDecipher() {
    bobKnowsAliceAndHasGreetedHer();
    byte[] initiation = firstMessage(wireGuard(alice, bob));
    new CookieGenerator(bob.publicKey, NoiseKeying.LABELS).addMacs(initiation, NOW);
    bob.receive(alice.address, NOW, marked(initiation));
    assertFalse(answers(bob.engine()));
    assertEquals(Map.of(DropReason.BAD_HANDSHAKE, 1L), bob.drops());
  }

  @Test
  void initiationOfEspIsDroppedByALaneOfWireGuard() {
    alice.knows(bob);
    byte[] initiation = firstMessage(alice.engine());
    WireGuardEngine engine = wireGuard(bob, alice);
    firstMessage(engine);
    assertEquals(Map.of(DropReason.UNKNOWN_TYPE, 1L), receive(engine, alice, initiation));
    assertEquals(Map.of(DropReason.BAD_MAC1, 1L), receive(engine, alice, unmarked(initiation)));
    assertFalse(answers(engine));
  }

  @Test
  void initiationOfEspUnderAForgedMac1DoesNotDecipherInWireGuard() {
    alice.knows(bob);
    byte[] initiation = unmarked(firstMessage(alice.engine()));
    new CookieGenerator(bob.publicKey, WIREGUARD).addMacs(initiation, NOW);
    WireGuardEngine engine = wireGuard(bob, alice);
    firstMessage(engine);
    assertEquals(Map.of(DropReason.BAD_HANDSHAKE, 1L), receive(engine, alice, initiation));
    assertFalse(answers(engine));
  }

  @Test
  void theSameInitiationIsTakenByItsOwnProtocol() {
    bobKnowsAliceAndHasGreetedHer();
    alice.knows(bob);
    bob.receive(alice.address, NOW, firstMessage(alice.engine()));
    assertTrue(answers(bob.engine()));
    WireGuardEngine engine = wireGuard(bob, alice);
    firstMessage(engine);
    assertEquals(Map.of(), receive(engine, alice, firstMessage(wireGuard(alice, bob))));
    assertTrue(answers(engine));
  }
}
