// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.HandOverScene.Kind;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A state that cannot be read, or that has impossible values. */
final class DamagedStateTest {
  private static HandOverScene inTheMidstOfAnExchange(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    scene.traffic(5);
    if (kind.exchanges()) {
      // An exchange that is not answered, so that the state has one.
      scene.network.lose = sent -> sent.from().isSamePlace(scene.bob.address);
      scene.network.run(SECONDS.toNanos(3700));
      scene.network.send(scene.alice, scene.bob, 1000);
      scene.network.run(MILLISECONDS.toNanos(2500));
    }
    return scene;
  }

  @ParameterizedTest
  @EnumSource
  void aStateThatIsCutAnywhereIsRefusedAndChangesNothing(Kind kind) throws StateException {
    HandOverScene scene = inTheMidstOfAnExchange(kind);
    long now = scene.network.now;
    byte[] state = scene.bob.save(now);
    Keying keying = scene.bob.keyings.apply(99);
    try (EspEngine engine = new EspEngine(keying, Map.of())) {
      engine.peers(scene.bob.peers.values(), now);
      List<SaStatus> sas = engine.securityAssociations(now);
      EspPeerStatus peer = engine.peerStatus().getFirst();
      for (int length = 0; length < state.length; length++) {
        byte[] cut = Arrays.copyOf(state, length);
        assertThrows(
            StateException.class,
            () -> engine.restore(HandOverStation.reader(cut), now),
            "cut at " + length);
        assertEquals(sas, engine.securityAssociations(now));
        assertEquals(peer, engine.peerStatus().getFirst());
      }
      engine.restore(HandOverStation.reader(state), now);
      assertFalse(peer.equals(engine.peerStatus().getFirst()), "the whole state is good");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRefusedStateLeavesAnEngineThatWorks(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    byte[] state = scene.bob.save(scene.network.now);
    HandOverStation bob = scene.bob;
    for (int length : new int[] {10, state.length / 2, state.length - 1}) {
      byte[] cut = Arrays.copyOf(state, length);
      EspEngine before = bob.engine();
      assertThrows(StateException.class, () -> bob.restartAndTry(cut, scene.network.now));
      before.close();
      scene.network.run(SECONDS.toNanos(30));
      scene.connect();
    }
  }

  @ParameterizedTest
  @EnumSource
  void flippedBitsAreRefusedOrLeaveAnEngineThatRuns(Kind kind) {
    HandOverScene scene = inTheMidstOfAnExchange(kind);
    long now = scene.network.now;
    byte[] state = scene.bob.save(now);
    List<Sent> recorded = scene.packets(scene.alice);
    Random random = new Random(5);
    int refused = 0;
    for (int i = 0; i < state.length; i++) {
      byte[] damaged = state.clone();
      damaged[i] ^= (byte) (1 << random.nextInt(8));
      try {
        scene.bob.continueWith(damaged, now, SafetyJump.PACKETS);
      } catch (StateException _) {
        refused++;
        continue;
      }
      run(scene, recorded);
      scene.bob.engine().close();
      assertEquals(List.of(), scene.bob.events(TunnelEvent.WorkFailed.class), "flipped byte " + i);
    }
    assertTrue(refused > 0 && refused < state.length, "refused " + refused);
  }

  /** Whatever an engine does, without a network. */
  private static void run(HandOverScene scene, List<Sent> recorded) {
    HandOverStation bob = scene.bob;
    long begin = scene.network.now;
    bob.advance(scene.network);
    bob.receive(scene.alice.address, begin, recorded.getFirst().bytes());
    bob.seal(scene.alice, begin, 7);
    for (long second : new long[] {1, 20, 200, 4000, 20_000}) {
      scene.network.now = begin + SECONDS.toNanos(second);
      bob.advance(scene.network);
      bob.seal(scene.alice, scene.network.now, 8);
    }
    bob.engine().jumpAhead();
    bob.advance(scene.network);
    bob.outbox.clear();
    scene.network.now = begin;
  }

  @ParameterizedTest
  @EnumSource
  void noTextHasAnyPartOfAKey(Kind kind) {
    HandOverScene scene = inTheMidstOfAnExchange(kind);
    long now = scene.network.now;
    byte[] state = scene.bob.save(now);
    List<String> texts = new ArrayList<>();
    Random random = new Random(6);
    for (int i = 0; i < state.length; i++) {
      byte[] damaged = state.clone();
      damaged[i] ^= (byte) (1 << random.nextInt(8));
      try {
        scene.bob.continueWith(damaged, now, SafetyJump.PACKETS);
        scene.bob.engine().close();
      } catch (StateException e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
          texts.add(t.toString());
        }
      }
    }
    try (StateWriter out = new StateWriter()) {
      scene.alice.engine().save(out, now);
      texts.add(out.toString());
    }
    scene.alice.engine().securityAssociations(now).forEach(sa -> texts.add(sa.toString()));
    assertTrue(texts.size() > 100);
    for (SaSecret secret : scene.alice.engine().secrets()) {
      try (secret) {
        byte[] key = secret.key().toByteArray();
        for (int i = 0; i + 4 <= key.length; i++) {
          String hex = HexFormat.of().formatHex(key, i, i + 4);
          String raw = new String(key, i, 4, UTF_8);
          for (String text : texts) {
            assertFalse(text.contains(hex) || text.contains(raw), text);
          }
        }
      }
    }
  }
}
