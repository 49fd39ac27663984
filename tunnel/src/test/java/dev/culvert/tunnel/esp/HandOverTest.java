// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.MINUTES;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.esp.HandOverScene.Kind;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Another process continues the sessions of an engine, with every keying. */
final class HandOverTest {
  private static final long HALF_SECOND = MILLISECONDS.toNanos(500);

  private static void assertAllDelivered(HandOverScene scene) {
    List<Integer> all = IntStream.rangeClosed(1, scene.number).boxed().toList();
    assertEquals(all, scene.bob.deliveredNumbers().stream().sorted().toList());
    assertEquals(all, scene.alice.deliveredNumbers().stream().sorted().toList());
  }

  @ParameterizedTest
  @EnumSource
  void sessionsGoOnInTheMidstOfTrafficWithoutNewKeysAndWithoutARepeatedNumber(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    Set<SaKeyId> sending = scene.alice.keys(true, scene.network.now);
    Set<SaKeyId> receiving = scene.alice.keys(false, scene.network.now);
    for (int i = 0; i < 50; i++) {
      HandOverStation station = i % 3 == 0 ? scene.bob : scene.alice;
      scene.number++;
      scene.network.send(scene.alice, scene.bob, scene.number);
      scene.network.send(scene.bob, scene.alice, scene.number);
      station.handOver(scene.network.now);
      scene.traffic(5);
    }
    assertAllDelivered(scene);
    assertEquals(0, scene.sealed.repeated);
    assertEquals(sending, scene.alice.keys(true, scene.network.now));
    assertEquals(receiving, scene.alice.keys(false, scene.network.now));
    assertTrue(scene.bob.keys(false, scene.network.now).containsAll(sending));
  }

  /** The state is older than the last packets, as if the process had gone on after saving. */
  private static long repeatedWithAStaleState(Kind kind, long jump) throws StateException {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    byte[] stale = scene.alice.save(scene.network.now);
    scene.traffic(20);
    scene.alice.continueWith(stale, scene.network.now, jump);
    scene.traffic(20);
    return scene.sealed.repeated;
  }

  @ParameterizedTest
  @EnumSource
  void aStaleCounterRepeatsNothingSinceTheCounterJumps(Kind kind) throws StateException {
    assertEquals(0, repeatedWithAStaleState(kind, SafetyJump.PACKETS));
  }

  @ParameterizedTest
  @EnumSource
  void withoutTheJumpTheEavesdropperSeesAStaleCounter(Kind kind) throws StateException {
    long repeated = repeatedWithAStaleState(kind, 0);
    assertTrue(kind.reservesNumbers() ? repeated == 0 : repeated >= 20, "repeated " + repeated);
  }

  @ParameterizedTest
  @EnumSource
  void aPacketRecordedBeforeIsRefusedAsReplayedAfter(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    scene.traffic(30);
    List<Sent> recorded = scene.packets(scene.alice);
    scene.bob.handOver(scene.network.now);
    int before = scene.bob.delivered.size();
    recorded.forEach(sent -> scene.network.inject(sent.from(), sent.to(), sent.bytes()));
    scene.network.settle();
    assertEquals(before, scene.bob.delivered.size());
    assertEquals(recorded.size(), scene.bob.drops(DropReason.REPLAYED));
    scene.assertConnected();
  }

  @ParameterizedTest
  @EnumSource
  void packetsThatOvertookOneAnotherOnTheWayArriveAfterTheHandOver(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    scene.network.maxDelay = MILLISECONDS.toNanos(50);
    for (int i = 0; i < 20; i++) {
      scene.traffic(5);
      scene.bob.handOver(scene.network.now);
    }
    scene.network.settle();
    assertEquals(
        IntStream.rangeClosed(1, scene.number).boxed().toList(),
        scene.bob.deliveredNumbers().stream().sorted().toList());
  }

  @ParameterizedTest
  @EnumSource
  void trafficAndAgesContinue(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    scene.traffic(30);
    long now = scene.network.now;
    List<EspPeerStatus> peers = scene.bob.engine().peerStatus();
    List<SaStatus> before = scene.bob.engine().securityAssociations(now);
    scene.bob.handOver(now);
    assertEquals(peers, scene.bob.engine().peerStatus());
    List<SaStatus> after = scene.bob.engine().securityAssociations(now);
    assertEquals(before.size(), after.size());
    for (int i = 0; i < before.size(); i++) {
      assertEquals(before.get(i).key(), after.get(i).key());
      assertEquals(before.get(i).packets(), after.get(i).packets());
      assertEquals(before.get(i).bytes(), after.get(i).bytes());
      if (!kind.reservesNumbers()) {
        assertEquals(before.get(i).ageNanos(), after.get(i).ageNanos());
      }
      if (!before.get(i).outbound()) {
        assertEquals(before.get(i).sequence(), after.get(i).sequence());
      } else if (!kind.reservesNumbers()) {
        assertEquals(before.get(i).sequence() + SafetyJump.PACKETS, after.get(i).sequence());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aProcessWhoseSuccessorDiedGoesOn(Kind kind) throws StateException {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    Set<SaKeyId> sending = scene.alice.keys(true, scene.network.now);
    for (int i = 0; i < 5; i++) {
      EspEngine former = scene.alice.engine();
      Keying keying = scene.alice.keying();
      scene.alice.continueWith(
          scene.alice.save(scene.network.now), scene.network.now, SafetyJump.PACKETS);
      // Even if it sent a few packets, which it must not have.
      scene.traffic(i);
      scene.alice.engine().close();
      scene.alice.goOnWith(former, keying);
      scene.traffic(10);
    }
    assertEquals(0, scene.sealed.repeated);
    assertAllDelivered(scene);
    assertEquals(sending, scene.alice.keys(true, scene.network.now));
  }

  /** Every step of the first exchange, at either end. */
  @ParameterizedTest
  @EnumSource
  void anExchangeInFlightGoesOn(Kind kind) {
    for (int moment = 0; moment < 80; moment++) {
      HandOverScene scene = new HandOverScene(kind);
      scene.network.send(scene.alice, scene.bob, ++scene.number);
      scene.network.send(scene.bob, scene.alice, scene.number);
      scene.network.run(HALF_SECOND * (moment / 2) / 500);
      HandOverStation station = moment % 2 == 0 ? scene.alice : scene.bob;
      station.handOver(scene.network.now);
      scene.network.settle();
      scene.connect();
      assertAllDelivered(scene);
      assertEquals(0, scene.sealed.repeated, "moment " + moment);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anExchangeInFlightDerivesNothingTwiceIfTheSuccessorDies(Kind kind) throws StateException {
    for (int moment = 0; moment < 80; moment++) {
      HandOverScene scene = new HandOverScene(kind);
      scene.network.run(HALF_SECOND * (moment / 2) / 500);
      HandOverStation station = moment % 2 == 0 ? scene.alice : scene.bob;
      EspEngine former = station.engine();
      Keying keying = station.keying();
      station.continueWith(station.save(scene.network.now), scene.network.now, SafetyJump.PACKETS);
      scene.traffic(10);
      station.engine().close();
      List<Sent> recorded = List.copyOf(scene.network.seen);
      station.goOnWith(former, keying);
      recorded.forEach(sent -> scene.network.inject(sent.from(), sent.to(), sent.bytes()));
      scene.network.run(SECONDS.toNanos(60));
      scene.connect();
      assertEquals(0, scene.sealed.repeated, "moment " + moment);
    }
  }

  /** Both renew at the age that their keys have, not later by the time before the hand-over. */
  @ParameterizedTest
  @EnumSource(names = {"GLOBAL", "GLOBAL_32", "NOISE"})
  void keysAreRenewedAndExpireAtTheirAge(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    Set<SaKeyId> first = scene.alice.keys(true, scene.network.now);
    long life = kind == Kind.NOISE ? SECONDS.toNanos(120) : MINUTES.toNanos(60);
    scene.network.run(life * 9 / 10 - SECONDS.toNanos(2));
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    scene.assertConnected();
    assertEquals(first, scene.alice.keys(true, scene.network.now), "too early");
    scene.network.run(life / 10 + SECONDS.toNanos(5));
    scene.assertConnected();
    scene.assertConnected();
    Set<SaKeyId> second = scene.alice.keys(true, scene.network.now);
    assertNotEquals(first, second);
    scene.alice.handOver(scene.network.now);
    scene.bob.handOver(scene.network.now);
    scene.network.run(kind == Kind.NOISE ? SECONDS.toNanos(200) : MINUTES.toNanos(6));
    assertTrue(
        scene.bob.keys(false, scene.network.now).stream().noneMatch(first::contains), "expired");
    scene.assertConnected();
    assertEquals(0, scene.sealed.repeated);
  }

  @ParameterizedTest
  @EnumSource
  void distrustedKeysAreNotHandedOver(Kind kind) {
    HandOverScene scene = new HandOverScene(kind);
    scene.connect();
    Set<SaKeyId> before = scene.alice.keys(true, scene.network.now);
    scene.alice.engine().distrustKeys("restored from a snapshot");
    scene.alice.handOver(scene.network.now);
    scene.network.settle();
    if (kind.reservesNumbers()) {
      assertEquals(Set.of(), scene.alice.keys(true, scene.network.now), "no other key");
    } else {
      scene.connect();
      assertTrue(scene.alice.keys(true, scene.network.now).stream().noneMatch(before::contains));
    }
    assertEquals(0, scene.sealed.repeated);
  }

  /** Bob has answered and may not send yet; both processes get to know that he may. */
  @Test
  void anSaThatWaitsForItsConfirmationIsBegunAtTwoNumbersIfTheSuccessorDies()
      throws StateException {
    HandOverScene scene = new HandOverScene(Kind.NOISE);
    HandOverStation alice = scene.alice;
    HandOverStation bob = scene.bob;
    // Alice's packets and all that Bob begins are lost.
    scene.network.lose =
        sent -> isPacket(sent) || (isFrom(sent, bob) && ByteBuffer.wrap(sent.bytes()).get(4) == 1);
    scene.network.settle();
    assertEquals(1, alice.keys(true, scene.network.now).size());
    assertEquals(0, bob.keys(true, scene.network.now).size());
    EspEngine former = bob.engine();
    Keying keying = bob.keying();
    bob.continueWith(bob.save(scene.network.now), scene.network.now, SafetyJump.PACKETS);
    scene.network.lose = sent -> false;
    scene.traffic(10);
    assertEquals(1, bob.keys(true, scene.network.now).size());
    bob.engine().close();
    bob.goOnWith(former, keying);
    scene.packets(alice).forEach(s -> scene.network.inject(s.from(), s.to(), s.bytes()));
    scene.network.run(MILLISECONDS.toNanos(5));
    assertEquals(1, bob.keys(true, scene.network.now).size());
    scene.assertConnected();
    assertEquals(0, scene.sealed.repeated);
  }

  private static boolean isFrom(Sent sent, HandOverStation station) {
    return sent.from().isSamePlace(station.address);
  }

  private static boolean isPacket(Sent sent) {
    return ByteBuffer.wrap(sent.bytes()).getInt() != 0;
  }
}
