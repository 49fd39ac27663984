// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.manual;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.manual.SequenceStore.Block;
import dev.culvert.tunnel.testing.Station;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The keys of a manual SA stay when the peer moves; so must the count of used numbers. */
final class ManualSaThatMovesTest {
  private static final int SEQUENCE = 4;
  private static final int IV = 8;

  private final Node alice = new Node("alice", 1, 2);
  private final Node bob = new Node("bob", 2, 1);
  private final Endpoint elsewhere = Endpoint.of(IpAddress.parse("198.51.100.7"), 4500);

  private static final class Node extends Station {
    final EspEngine engine;
    final DataPath path;

    Node(String name, int number, int other) {
      super(name, number, 4500);
      Map<String, Long> reserved = new HashMap<>();
      ManualKeying keying =
          new ManualKeying(
              List.of(sa("peer", other)),
              List.of(sa("peer", number)),
              (key, count, end) -> {
                long first = reserved.getOrDefault(key, 1L);
                reserved.put(key, first + count);
                return new Block(first, first + count);
              });
      engine =
          new EspEngine(
              keying, Map.of(AeadAlgorithm.AES_GCM, AeadBackends.first(AeadAlgorithm.AES_GCM)));
      path = engine.newDataPath();
    }

    /** The SA that node {@code sender} sends under. */
    private static ManualSa sa(String peer, int sender) {
      byte[] key = new byte[16];
      new Random(sender).nextBytes(key);
      return new ManualSa(peer, 0x1000 + sender, SecretBytes.owning(key), sender, true);
    }

    @Override
    public EspEngine engine() {
      return engine;
    }

    @Override
    public DataPath path() {
      return path;
    }

    @Override
    protected int mtu() {
      return 1438;
    }

    @Override
    public void knows(Station other) {
      knows(other, other.address);
    }

    void knows(Station other, Endpoint at) {
      engine.peers(
          List.of(
              new EspPeerSettings(
                  "peer",
                  address.address(),
                  at.address(),
                  at,
                  new Selectors(List.of(Prefix.host(inner)), List.of(Prefix.host(other.inner))))),
          0);
    }

    @Override
    public TunnelPeer peer(Station other) {
      TunnelPeer peer = engine.route4((int) other.inner.low());
      assertNotNull(peer);
      return peer;
    }
  }

  @BeforeEach
  void introduce() {
    alice.knows(bob);
    bob.knows(alice);
  }

  private byte[] sealed(int number) {
    assertEquals(SealResult.SEALED, alice.seal(bob, 0, number));
    return alice.outbox.getLast();
  }

  /** Bob is told alice's new address, at once or after a while without her. */
  private void aliceMoves(boolean goneBetween, Endpoint to) {
    if (goneBetween) {
      bob.engine.peers(List.of(), 0);
    }
    bob.knows(alice, to);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatCameBeforeTheMoveIsNotTakenAgainAfterIt(boolean goneBetween) {
    List<byte[]> recorded = new ArrayList<>();
    for (int number = 0; number < 3; number++) {
      recorded.add(sealed(number));
      bob.receive(alice.address, 0, recorded.getLast());
    }
    aliceMoves(goneBetween, elsewhere);
    for (byte[] packet : recorded) {
      bob.receive(elsewhere, 0, packet.clone());
    }
    aliceMoves(goneBetween, alice.address);
    for (byte[] packet : recorded) {
      bob.receive(alice.address, 0, packet.clone());
    }
    assertEquals(List.of(0, 1, 2), bob.deliveredNumbers());
    assertEquals(6, bob.drops(DropReason.REPLAYED));
    bob.receive(alice.address, 0, sealed(3));
    assertEquals(List.of(0, 1, 2, 3), bob.deliveredNumbers());
  }

  @Test
  void noNumberIsSentTwiceWhereverThePeerIs() {
    Set<Integer> numbers = new HashSet<>();
    Set<Long> nonces = new HashSet<>();
    for (Endpoint at : List.of(bob.address, elsewhere, bob.address, elsewhere)) {
      alice.knows(bob, at);
      for (int number = 0; number < 3; number++) {
        ByteBuffer packet = ByteBuffer.wrap(sealed(number));
        assertTrue(nonces.add(packet.getLong(IV)), "a nonce was used twice");
        assertTrue(numbers.add(packet.getInt(SEQUENCE)), "a number was used twice");
      }
    }
  }
}
