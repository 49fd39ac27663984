// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.esp.HandOverScene.Kind;
import dev.culvert.tunnel.esp.noise.SealLog;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sequence numbers at their limits when another process goes on with them. */
final class HandOverNumbersTest {
  private static final long SUBSPACE = 1L << 32;

  private final SealLog sealed = new SealLog();
  private final HandOverStation alice =
      new HandOverStation("alice", 1, sealed, seed -> new TestKeying());
  private final HandOverStation bob =
      new HandOverStation("bob", 2, sealed, seed -> new TestKeying());
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  /** Alice sends to Bob from this number on. */
  private void join(boolean esn, long first) {
    long end = esn ? SaParameters.LIMIT_64 : SaParameters.LIMIT_32;
    for (HandOverStation station : List.of(alice, bob)) {
      HandOverStation other = station == alice ? bob : alice;
      SaParameters sa =
          new SaParameters(
              EspStation.SPI,
              AeadAlgorithm.AES_GCM,
              EspStation.key(9, 16),
              77,
              esn,
              first,
              end,
              end,
              station.settings(other).selectors());
      ((TestKeying) station.keying())
          .events.add(
              station == alice
                  ? new KeyingEvent.UseOutbound(other.name, sa)
                  : new KeyingEvent.AddInbound(other.name, sa));
      station.engine().advance(network.now, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(
      longs = {
        1,
        SUBSPACE - 3,
        SUBSPACE - SafetyJump.PACKETS,
        SUBSPACE - SafetyJump.PACKETS - 3,
        SUBSPACE - SafetyJump.PACKETS + 3,
        5 * SUBSPACE - 1,
        5 * SUBSPACE - SafetyJump.PACKETS - 1
      })
  void theReceiverInfersTheUpperHalfAfterAJump(long first) {
    join(true, first);
    for (int i = 0; i < 3; i++) {
      network.send(alice, bob, 4 * i + 1, 4 * i + 2);
      alice.handOver(network.now);
      network.send(alice, bob, 4 * i + 3, 4 * i + 4);
      network.settle();
      bob.handOver(network.now);
    }
    assertEquals(List.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), bob.deliveredNumbers());
  }

  @Test
  void theReceiverInfersTheUpperHalfAfterAThousandJumpsWithoutAPacket() {
    join(true, SUBSPACE - 5);
    network.send(alice, bob, 1);
    network.settle();
    for (int i = 0; i < 1000; i++) {
      alice.handOver(network.now);
    }
    network.send(alice, bob, 2);
    network.settle();
    assertEquals(List.of(1, 2), bob.deliveredNumbers());
  }

  @ParameterizedTest
  @ValueSource(longs = {SUBSPACE - 3, SUBSPACE - SafetyJump.PACKETS, SUBSPACE - 5000})
  void aJumpNeverPassesTheLimit(long first) {
    join(false, first);
    assertEquals(SealResult.SEALED, network.send(alice, bob, 1));
    alice.handOver(network.now);
    assertEquals(SealResult.DROPPED, network.send(alice, bob, 2));
    SaStatus sa = alice.engine().securityAssociations(network.now).getFirst();
    assertEquals(SaParameters.LIMIT_32, sa.sequence());
    assertTrue(((TestKeying) alice.keying()).low.isEmpty(), "no notice was asked for");
  }

  @Test
  void numbersThatJumpsUsedUpAreRenewedBeforeTheirEnd() {
    HandOverScene scene = new HandOverScene(Kind.GLOBAL_32);
    scene.connect();
    Set<SaKeyId> first = scene.alice.keys(true, scene.network.now);
    for (int i = 0; i < 3071; i++) {
      scene.alice.handOver(scene.network.now);
    }
    assertEquals(first, scene.alice.keys(true, scene.network.now));
    scene.alice.handOver(scene.network.now);
    scene.network.settle();
    assertNotEquals(first, scene.alice.keys(true, scene.network.now));
    scene.assertConnected();
    assertEquals(0, scene.sealed.repeated);
  }
}
