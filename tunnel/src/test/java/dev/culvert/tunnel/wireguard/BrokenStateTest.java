// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Greetings;
import dev.culvert.tunnel.engine.RemovedTraffic;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.noise.Handshakes;
import dev.culvert.tunnel.noise.IndexTable;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.Timestamps;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A saved WireGuard state that is cut off or damaged is refused whole, or continues as an engine
 * that works within itself.
 */
final class BrokenStateTest {
  private static final byte[] PRESHARED = new byte[Messages.KEY_LENGTH];

  static {
    Arrays.fill(PRESHARED, (byte) 0x5a);
  }

  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final Node carol = new Node("carol", 3);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
  private byte[] state = {};

  /** Alice has sessions with bob, packets staged for carol, a pending initiation, and more. */
  @BeforeEach
  void fillEveryPartOfTheState() {
    alice.peer(
        bob,
        bob.address,
        SecretBytes.copyOf(PRESHARED),
        OptionalInt.of(25),
        "10.0.0.2/32",
        "fd00::/8");
    bob.peer(
        alice,
        alice.address,
        SecretBytes.copyOf(PRESHARED),
        OptionalInt.empty(),
        Prefix.host(alice.inner).toString());
    alice.knows(carol);
    network.send(alice, bob, 0);
    network.settle();
    network.run(SECONDS.toNanos(121));
    network.send(alice, bob, 1);
    network.send(alice, carol, 2);
    network.run(MILLISECONDS.toNanos(50));
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getLast().bytes().clone();
    alice.receive(bob.address, network.now, initiation);
    state = alice.saved(network.now);
  }

  @Test
  void aStateCutAtAnyLengthIsRefused() {
    for (int length = 0; length < state.length; length++) {
      byte[] cut = Arrays.copyOf(state, length);
      WireGuardEngine engine = alice.fresh();
      assertThrows(StateException.class, () -> engine.restore(reader(cut), network.now));
      assertAsNew(engine);
    }
  }

  @Test
  void anEngineThatRefusedAStateTakesTheWholeOne() throws StateException {
    WireGuardEngine engine = alice.fresh();
    for (int length = state.length - 1; length > 0; length -= 7) {
      byte[] cut = Arrays.copyOf(state, length);
      assertThrows(StateException.class, () -> engine.restore(reader(cut), network.now));
    }
    engine.restore(reader(state), network.now, 0);
    assertArrayEquals(state, Node.saved(engine, network.now));
  }

  @Test
  void aDamagedStateIsRefusedOrMakesAnEngineThatRunsOn() {
    Random random = new Random(1);
    int refused = 0;
    int taken = 0;
    for (int at = 0; at < state.length; at++) {
      for (int value : new int[] {1, 1 + random.nextInt(255)}) {
        byte[] damaged = state.clone();
        damaged[at] ^= (byte) value;
        WireGuardEngine engine = alice.fresh();
        if (restores(engine, damaged)) {
          taken++;
          runOn(engine);
        } else {
          refused++;
          assertAsNew(engine);
        }
        engine.close();
      }
    }
    assertTrue(refused > 0 && taken > 0, refused + " refused, " + taken + " taken");
  }

  private boolean restores(WireGuardEngine engine, byte[] bytes) {
    try {
      engine.restore(reader(bytes), network.now);
      return true;
    } catch (StateException e) {
      assertNoSecretIn(text(e));
      return false;
    }
  }

  /** Time passes, and packets come and go; what the engine says does not matter here. */
  private void runOn(WireGuardEngine engine) {
    Node node = new Node("other", 1);
    node.engine = engine;
    node.path = engine.newDataPath();
    SimulatedNetwork alone = new SimulatedNetwork(1, node);
    alone.now = network.now;
    engine
        .peers()
        .forEach(peer -> node.sealPackets(peer, alone.now, Node.packet(node.inner, bob.inner, 9)));
    network.sentBy(bob, DataMessages.DATA).stream()
        .map(SimulatedNetwork.Sent::bytes)
        .forEach(bytes -> node.receive(bob.address, alone.now, bytes));
    alone.run(SECONDS.toNanos(20));
  }

  private void assertAsNew(WireGuardEngine engine) {
    try (DeviceSnapshot snapshot = engine.snapshot()) {
      assertNull(snapshot.privateKey());
    }
    assertTrue(engine.peers().isEmpty());
    assertNull(engine.route4((int) bob.inner.low()));
    assertEquals(Long.MAX_VALUE, engine.nextDeadlineNanos());
    assertEquals(Map.of(), engine.drops().snapshot());
    assertEquals(RemovedTraffic.NONE, engine.reading(network.now).removed());
    assertEquals(Map.of(), engine.reading(network.now).handshakes());
    assertEquals(0, engine.reading(network.now).stagedPackets());
    assertEquals(0, engine.reading(network.now).queuedMessages());
    assertNull(engine.pollEvent());
    assertFalse(engine.pollTransmit(alice.datagram, network.now));
  }

  @Test
  void theSecretsOfARefusedStateAreWiped() {
    List<WireGuardPeer> made = new ArrayList<>();
    WireGuardState shared =
        new WireGuardState(Limits.OF_THE_PAPER, new IndexTable(Node.seeded(5)), Node.backend(), 5);
    SavedEngine saved = savedEngine(shared, made);
    StateReader in = reader(Arrays.copyOf(state, state.length - 1));
    assertThrows(
        StateException.class,
        () -> {
          assertFalse(in.flag(), "no doubt about keys");
          saved.restore(in, network.now, 0);
        });
    assertNull(shared.identity());
    assertEquals(2, made.size());
    for (WireGuardPeer peer : made) {
      assertThrows(
          IllegalStateException.class, () -> peer.handshake().presharedKey().toByteArray());
      assertTrue(peer.sessions().isEmpty());
      assertNull(peer.handshake().pending());
      assertNull(peer.staged().poll());
    }
    assertNull(shared.indices.find(alice.session(bob).localIndex()));
  }

  /**
   * @param made receives every peer that is made
   */
  private SavedEngine savedEngine(WireGuardState shared, List<WireGuardPeer> made) {
    Map<PublicKey, WireGuardPeer> peers =
        new LinkedHashMap<>() {
          private static final long serialVersionUID = 1L;

          @Override
          public WireGuardPeer putIfAbsent(PublicKey key, WireGuardPeer peer) {
            made.add(peer);
            return super.putIfAbsent(key, peer);
          }
        };
    Handshakes handshakes =
        new Handshakes(
            shared::identity,
            shared.indices,
            key -> null,
            Node.backend(),
            Node.seeded(6),
            null,
            (message, to) -> {},
            shared.controlDrops,
            new Timestamps());
    return new SavedEngine(shared, peers, handshakes, new Greetings<>(Node.seeded(7)));
  }

  @Test
  void noTextHasASecretInIt() {
    WireGuardEngine engine = alice.fresh();
    IntStream.range(0, state.length)
        .forEach(length -> restores(engine, Arrays.copyOf(state, length)));
    try (StateWriter out = new StateWriter()) {
      alice.engine.save(out, network.now);
      assertNoSecretIn(out.toString());
    }
  }

  private static String text(Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  private void assertNoSecretIn(String text) {
    for (byte[] secret : Set.of(alice.privateKey.toByteArray(), PRESHARED)) {
      assertFalse(text.contains(HexFormat.of().formatHex(secret, 0, 4)), text);
      assertFalse(text.contains(Base64.getEncoder().encodeToString(secret).substring(0, 6)), text);
      assertFalse(text.contains(Arrays.toString(secret).substring(1, 12)), text);
    }
  }

  private static StateReader reader(byte[] bytes) {
    return new StateReader(MemorySegment.ofArray(bytes));
  }
}
