// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The claims of docs/esp-keys.md about the exchange, one by one. */
class EpochExchangeTest {
  private static final String A = "192.0.2.1";
  private static final String B = "192.0.2.2";
  private static final String C = "192.0.2.3";

  private long seed = 1;
  private KeyingScene scene = new KeyingScene(1);
  private SimulatedNetwork network = scene.network;

  private RandomGenerator random() {
    return new Random(seed++);
  }

  private KeyingNode node(String address, String... peers) {
    return new KeyingNode(scene, address, List.of(peers), TestKeys.file(3), random());
  }

  private static boolean sendBoth(KeyingNode a, KeyingNode b) {
    return a.sendingUnder(b) != 0 && b.sendingUnder(a) != 0;
  }

  private static boolean delivers(KeyingNode from, KeyingNode to) {
    KeyingNode.Packet packet = from.seal(to, 0);
    return packet != null && to.opens(packet, from);
  }

  private static void assertConnected(KeyingNode a, KeyingNode b) {
    assertTrue(delivers(a, b) && delivers(b, a), "packets pass both ways");
  }

  private static int type(Sent message) {
    return message.bytes()[4];
  }

  @Test
  void bothEndsAgreeWithinAFewRoundTrips() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofMillis(50));
    assertConnected(a, b);
    assertEquals(3, a.sendingUnder(b), "the SPI is the key's id");
  }

  @Test
  void manyPeersAreGreetedOneAfterTheOther() {
    List<String> peers = IntStream.range(0, 200).mapToObj(i -> "198.51.100." + i).toList();
    new KeyingNode(scene, A, peers, TestKeys.file(3), random());
    network.run(MILLISECONDS.toNanos(200));
    int soon = network.seen.size();
    assertTrue(soon > 50 && soon < 150, soon + " of 200 at once");
    network.run(MILLISECONDS.toNanos(300));
    assertEquals(200, network.seen.size());
  }

  @Test
  void theTwoDirectionsHaveDifferentKeys() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(1));
    assertNotEquals(a.secretTo(b), b.secretTo(a));
    assertNotEquals(a.keyTo(b), b.keyTo(a));
  }

  @Test
  void pairsHaveDifferentKeys() {
    KeyingNode a = node(A, B, C);
    KeyingNode b = node(B, A, C);
    KeyingNode c = node(C, A, B);
    network.run(Duration.ofSeconds(1));
    assertConnected(a, b);
    assertConnected(a, c);
    assertConnected(b, c);
    assertNotEquals(a.keyTo(b), a.keyTo(c));
    assertEquals(0, scene.keysUsedTwice);
  }

  @Test
  void nobodySendsWithoutAFreshAnswerOfThePeer() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.lose = message -> type(message) > 1;
    network.run(Duration.ofMinutes(5));
    assertEquals(0, a.sendingUnder(b) + b.sendingUnder(a), "hellos alone");
    network.lose = message -> type(message) > 2;
    network.run(Duration.ofMinutes(5));
    assertEquals(0, a.sendingUnder(b) + b.sendingUnder(a), "no confirmation");
    network.lose = message -> type(message) > 3;
    network.run(Duration.ofMinutes(5));
    long senders =
        List.of(a.sendingUnder(b), b.sendingUnder(a)).stream().filter(x -> x != 0).count();
    assertEquals(1, senders, "the responder sends, the initiator has no acknowledgement");
  }

  @Test
  void whatIsSentAtAnyMomentCanBeOpened() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.lossRate = 0.3;
    network.duplicateRate = 0.2;
    network.maxDelay = MILLISECONDS.toNanos(300);
    for (int number = 0; number < 40_000; number++) {
      scene.packet(a, b, number);
      scene.packet(b, a, number);
      network.run(Duration.ofMillis(500));
    }
    network.run(Duration.ofSeconds(1));
    assertTrue(scene.sent > 79_000, "sent " + scene.sent);
    assertEquals(scene.sent, scene.delivered);
    assertEquals(0, scene.keysUsedTwice);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void aHostileNetworkOnlyDelaysAgreement(int networkSeed) {
    scene = new KeyingScene(networkSeed);
    network = scene.network;
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.lossRate = 0.5;
    network.duplicateRate = 0.5;
    network.maxDelay = MILLISECONDS.toNanos(3_000);
    network.run(Duration.ofMinutes(20));
    network.lossRate = 0;
    network.run(Duration.ofMinutes(2));
    assertConnected(a, b);
    assertEquals(0, scene.keysUsedTwice);
  }

  @Test
  void keysAreRenewedEveryHourWithoutLoss() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(1));
    List<SaKeyId> keys = new ArrayList<>();
    for (int number = 0; number < 5 * 3_600; number++) {
      scene.packet(a, b, number);
      scene.packet(b, a, number);
      network.run(Duration.ofSeconds(1));
      SaKeyId key = Objects.requireNonNull(a.keyTo(b));
      if (!keys.contains(key)) {
        keys.add(key);
      }
    }
    assertEquals(scene.sent, scene.delivered);
    assertEquals(0, scene.held);
    assertTrue(keys.size() == 6, keys.size() + " keys in five hours");
    assertEquals(1, a.inboundCount(b) - (a.inboundCount(b) > 1 ? 1 : 0), "old ones are gone");
  }

  @Test
  void spentPacketsRenewTheKey() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(1));
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    KeyingEvent.UseOutbound use =
        a.events.stream()
            .filter(KeyingEvent.UseOutbound.class::isInstance)
            .map(KeyingEvent.UseOutbound.class::cast)
            .toList()
            .getLast();
    assertEquals(1L << 32, use.sa().noticeAt());
    a.keying.runningLow(b.address.toString(), before, 1L << 32, network.now);
    network.run(Duration.ofSeconds(1));
    assertNotEquals(before, a.keyTo(b));
    assertConnected(a, b);
  }

  @Test
  void aRestartedEndIsKeyedAnewAtOnce() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofMinutes(1));
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    b.restart(TestKeys.file(3), random());
    assertEquals(0, b.sendingUnder(a));
    network.run(Duration.ofMillis(100));
    assertNotEquals(before, a.keyTo(b), "the peer's replay window is gone, so the key goes too");
    assertConnected(a, b);
  }

  @Test
  void noKeyIsMetAgainOverAThousandRestartsOfBothEnds() {
    assertEquals(0, keysUsedTwiceOverRestarts(1_000, this::random));
  }

  @Test
  void theCheckForRepeatedKeysFindsAFixedEpochOfBothEnds() {
    assertTrue(keysUsedTwiceOverRestarts(20, () -> new Random(7)) > 0);
  }

  @Test
  void onePredictableEndAloneRepeatsNoKey() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    for (int i = 0; i < 200; i++) {
      a.restart(TestKeys.file(3), new Random(7));
      b.restart(TestKeys.file(3), random());
      network.run(Duration.ofMillis(100));
      assertTrue(sendBoth(a, b));
    }
    assertEquals(0, scene.keysUsedTwice);
  }

  private int keysUsedTwiceOverRestarts(int restarts, Supplier<RandomGenerator> randomness) {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    Random which = new Random(99);
    for (int i = 0; i < restarts; i++) {
      int choice = which.nextInt(3);
      if (choice != 0) {
        a.restart(TestKeys.file(3), randomness.get());
      }
      if (choice != 1) {
        b.restart(TestKeys.file(3), randomness.get());
      }
      network.run(Duration.ofMillis(which.nextInt(3) == 0 ? 3 : 5_000));
    }
    network.run(Duration.ofMinutes(3));
    assertTrue(sendBoth(a, b));
    return scene.keysUsedTwice;
  }

  @Test
  void everythingEverSaidReplayedChangesNothing() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    for (int i = 0; i < 20; i++) {
      b.restart(TestKeys.file(3), random());
      network.run(Duration.ofSeconds(20));
    }
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    SaKeyId back = Objects.requireNonNull(b.keyTo(a));
    List<Sent> recorded = List.copyOf(network.seen);
    int events = a.events.size() + b.events.size();
    for (Sent message : recorded) {
      network.inject(message.from(), message.to(), message.bytes());
      network.run(Duration.ofMillis(60));
    }
    assertEquals(before, a.keyTo(b));
    assertEquals(back, b.keyTo(a));
    assertEquals(events, a.events.size() + b.events.size(), "nothing was installed or heard");
    assertEquals(0, scene.keysUsedTwice);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aReplayToARestartedEndGivesItNoKeys(boolean lowerRestarts) {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(1));
    List<Sent> recorded = List.copyOf(network.seen);
    KeyingNode restarted = lowerRestarts ? a : b;
    KeyingNode peer = lowerRestarts ? b : a;
    restarted.restart(TestKeys.file(3), random());
    network.lose = message -> true;
    for (Sent message : recorded) {
      if (message.to().isSamePlace(restarted.address())) {
        network.inject(peer.address(), restarted.address(), message.bytes());
        network.run(Duration.ofMillis(60));
      }
    }
    assertEquals(0, restarted.sendingUnder(peer));
    assertEquals(0, restarted.inboundCount(peer));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void reflectedMessagesAreRefused(boolean lower) {
    KeyingNode node = lower ? node(A, B) : node(B, A);
    network.run(Duration.ofMinutes(1));
    network.lose =
        message -> {
          network.inject(message.to(), message.from(), message.bytes());
          return true;
        };
    network.run(Duration.ofMinutes(5));
    assertTrue(node.events.stream().noneMatch(KeyingEvent.AddInbound.class::isInstance));
    assertEquals(0, node.keying.drops(ExchangeDrop.UNKNOWN_PEER), "the test does reflect");
    assertTrue(node.refused > 0);
  }

  @Test
  void messagesOfOnePairAreRefusedByAnother() {
    KeyingNode a = node(A, B, C);
    KeyingNode b = node(B, A, C);
    KeyingNode c = node(C, A, B);
    network.lose =
        message -> {
          // A relay: messages between B and C come to A as if the other had sent them to A.
          if (!message.from().isSamePlace(a.address()) && !message.to().isSamePlace(a.address())) {
            network.inject(message.from(), a.address(), message.bytes());
          }
          return true;
        };
    network.run(Duration.ofMinutes(2));
    assertEquals(0, a.inboundCount(b) + a.inboundCount(c));
    assertTrue(a.refused > 0);
  }

  @Test
  void anEndWithAnotherKeyUnderTheSameIdGetsNothing() {
    KeyingNode a = node(A, B);
    KeyingNode b =
        new KeyingNode(scene, B, List.of(A), TestKeys.parse(TestKeys.line(3, 77, 20)), random());
    network.run(Duration.ofMinutes(2));
    assertFalse(sendBoth(a, b));
    assertTrue(a.refused > 0);
  }

  @Test
  void twoClonesWithOneAddressNeverShareAKey() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    KeyingNode clone = node(B, A);
    network.run(Duration.ofHours(3));
    assertEquals(0, scene.keysUsedTwice);
    assertTrue(a.sendingUnder(b) != 0);
    assertNotEquals(b.secretTo(a), clone.secretTo(a));
  }

  @Test
  void aMachineRestoredFromASnapshotMakesAllKeysAnew() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(30));
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    a.startAfresh(network.now);
    assertEquals(0, a.sendingUnder(b), "nothing goes out under a key that was used already");
    network.run(Duration.ofSeconds(1));
    assertNotEquals(before, a.keyTo(b));
    assertConnected(a, b);
  }

  @Test
  void forgedHellosAreStoppedByTheLaneAndByTheControlThread() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(10));
    byte[] forged =
        network.seen.stream()
            .filter(seen -> seen.from().isSamePlace(b.address()) && type(seen) == 1)
            .findFirst()
            .orElseGet(
                () ->
                    network.seen.stream().filter(seen -> type(seen) == 1).findFirst().orElseThrow())
            .bytes()
            .clone();
    forged[20] ^= 1;
    a.receive(forged, b.address(), network.now, network.wall(a));
    assertEquals(1, a.refused);
    assertEquals(0, a.keying.drops(ExchangeDrop.BAD_MAC));
    a.keying.receive(forged, b.address(), false, network.now, network.wall(a));
    assertEquals(1, a.keying.drops(ExchangeDrop.BAD_MAC));
    assertConnected(a, b);
  }

  @Test
  void forgedAnswersCostTheControlThreadNoMac() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(10));
    for (Sent seen : List.copyOf(network.seen)) {
      if (type(seen) > 1) {
        byte[] forged = seen.bytes().clone();
        forged[20] ^= 1;
        forged[36] ^= 1;
        a.keying.receive(forged, b.address(), false, network.now, network.wall(a));
      }
    }
    assertEquals(0, a.keying.drops(ExchangeDrop.BAD_MAC));
    assertTrue(a.keying.drops(ExchangeDrop.NOT_EXPECTED) > 0);
  }

  @Test
  void aDeadPeerIsAskedEverLessOften() {
    KeyingNode a = node(A, B);
    network.run(Duration.ofHours(1));
    assertTrue(network.seen.size() < 130, network.seen.size() + " hellos in an hour");
    assertTrue(a.events.stream().anyMatch(KeyingEvent.StopSending.class::isInstance));
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(1));
    assertConnected(a, b);
  }

  @Test
  void keysThatCannotBeRenewedAreNotUsedForever() {
    KeyingNode a = node(A, B);
    KeyingNode b = node(B, A);
    network.run(Duration.ofSeconds(1));
    network.lose = message -> true;
    network.run(Duration.ofHours(2));
    assertConnected(a, b);
    network.run(Duration.ofMinutes(90));
    assertEquals(0, a.sendingUnder(b) + b.sendingUnder(a));
    assertEquals(0, a.inboundCount(b));
  }

  @Test
  void everyChangedByteOfAMessageIsNoticed() {
    KeyingNode a = node(A, B);
    network.run(Duration.ofMillis(1));
    byte[] hello = network.seen.getFirst().bytes();
    KeyingNode b = new KeyingNode(new KeyingScene(5), B, List.of(A), TestKeys.file(3), random());
    for (int i = 0; i < hello.length; i++) {
      byte[] changed = hello.clone();
      changed[i] ^= 4;
      long now = Duration.ofSeconds(i).toNanos();
      b.receive(changed, a.address(), now, now);
      assertTrue(b.events.isEmpty());
    }
    b.receive(hello, a.address(), Duration.ofHours(1).toNanos(), 0);
    assertEquals(76, hello.length);
  }
}
