package dev.culvert.tunnel.esp.global;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What docs/esp-keys.md claims of the exchange, claim by claim. */
class EpochExchangeTest {
  private static final String A = "192.0.2.1";
  private static final String B = "192.0.2.2";
  private static final String C = "192.0.2.3";

  private long seed = 1;
  private SimulatedLink link = new SimulatedLink(1);

  private RandomGenerator random() {
    return new Random(seed++);
  }

  private SimulatedNode node(String address, String... peers) {
    return new SimulatedNode(link, address, List.of(peers), TestKeys.file(3), random());
  }

  private static boolean sendBoth(SimulatedNode a, SimulatedNode b) {
    return a.sendingUnder(b) != 0 && b.sendingUnder(a) != 0;
  }

  private static boolean delivers(SimulatedNode from, SimulatedNode to) {
    SimulatedNode.Packet packet = from.seal(to, 0);
    return packet != null && to.opens(packet, from);
  }

  private static void assertConnected(SimulatedNode a, SimulatedNode b) {
    assertTrue(delivers(a, b) && delivers(b, a), "packets pass both ways");
  }

  private static int type(SimulatedLink.Seen message) {
    return message.bytes()[4];
  }

  @Test
  void bothEndsAgreeWithinAFewRoundTrips() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofMillis(50));
    assertConnected(a, b);
    assertEquals(3, a.sendingUnder(b), "the SPI is the key's id");
  }

  @Test
  void theTwoDirectionsHaveDifferentKeys() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(1));
    assertNotEquals(a.secretTo(b), b.secretTo(a));
    assertNotEquals(a.keyTo(b), b.keyTo(a));
  }

  @Test
  void pairsHaveDifferentKeys() {
    SimulatedNode a = node(A, B, C);
    SimulatedNode b = node(B, A, C);
    SimulatedNode c = node(C, A, B);
    link.run(Duration.ofSeconds(1));
    assertConnected(a, b);
    assertConnected(a, c);
    assertConnected(b, c);
    assertNotEquals(a.keyTo(b), a.keyTo(c));
    assertEquals(0, link.keysUsedTwice);
  }

  @Test
  void nobodySendsWithoutAFreshAnswerOfThePeer() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.filter = message -> type(message) <= 1;
    link.run(Duration.ofMinutes(5));
    assertEquals(0, a.sendingUnder(b) + b.sendingUnder(a), "hellos alone");
    link.filter = message -> type(message) <= 2;
    link.run(Duration.ofMinutes(5));
    assertEquals(0, a.sendingUnder(b) + b.sendingUnder(a), "no confirmation");
    link.filter = message -> type(message) <= 3;
    link.run(Duration.ofMinutes(5));
    long senders =
        List.of(a.sendingUnder(b), b.sendingUnder(a)).stream().filter(x -> x != 0).count();
    assertEquals(1, senders, "the responder sends, the initiator has no acknowledgement");
  }

  @Test
  void whatIsSentAtAnyMomentCanBeOpened() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.loss = 0.3;
    link.duplication = 0.2;
    link.maxDelay = 300 * SimulatedLink.MILLISECOND;
    for (int number = 0; number < 40_000; number++) {
      link.packet(a, b, number);
      link.packet(b, a, number);
      link.run(Duration.ofMillis(500));
    }
    link.run(Duration.ofSeconds(1));
    assertTrue(link.sent > 79_000, "sent " + link.sent);
    assertEquals(link.sent, link.delivered);
    assertEquals(0, link.keysUsedTwice);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void aHostileNetworkOnlyDelaysAgreement(int networkSeed) {
    link = new SimulatedLink(networkSeed);
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.loss = 0.5;
    link.duplication = 0.5;
    link.maxDelay = 3_000 * SimulatedLink.MILLISECOND;
    link.run(Duration.ofMinutes(20));
    link.loss = 0;
    link.run(Duration.ofMinutes(2));
    assertConnected(a, b);
    assertEquals(0, link.keysUsedTwice);
  }

  @Test
  void keysAreRenewedEveryHourWithoutLoss() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(1));
    List<SaKeyId> keys = new ArrayList<>();
    for (int number = 0; number < 5 * 3_600; number++) {
      link.packet(a, b, number);
      link.packet(b, a, number);
      link.run(Duration.ofSeconds(1));
      SaKeyId key = Objects.requireNonNull(a.keyTo(b));
      if (!keys.contains(key)) {
        keys.add(key);
      }
    }
    assertEquals(link.sent, link.delivered);
    assertEquals(0, link.held);
    assertTrue(keys.size() == 6, keys.size() + " keys in five hours");
    assertEquals(1, a.inboundCount(b) - (a.inboundCount(b) > 1 ? 1 : 0), "old ones are gone");
  }

  @Test
  void spentPacketsRenewTheKey() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(1));
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    KeyingEvent.UseOutbound use =
        a.events.stream()
            .filter(KeyingEvent.UseOutbound.class::isInstance)
            .map(KeyingEvent.UseOutbound.class::cast)
            .toList()
            .getLast();
    assertEquals(1L << 32, use.sa().noticeAt());
    a.keying.runningLow(b.address.toString(), before, 1L << 32, link.now);
    link.run(Duration.ofSeconds(1));
    assertNotEquals(before, a.keyTo(b));
    assertConnected(a, b);
  }

  @Test
  void aRestartedEndIsKeyedAnewAtOnce() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofMinutes(1));
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    b.restart(TestKeys.file(3), random());
    assertEquals(0, b.sendingUnder(a));
    link.run(Duration.ofMillis(100));
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
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    for (int i = 0; i < 200; i++) {
      a.restart(TestKeys.file(3), new Random(7));
      b.restart(TestKeys.file(3), random());
      link.run(Duration.ofMillis(100));
      assertTrue(sendBoth(a, b));
    }
    assertEquals(0, link.keysUsedTwice);
  }

  private int keysUsedTwiceOverRestarts(int restarts, Supplier<RandomGenerator> randomness) {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    Random which = new Random(99);
    for (int i = 0; i < restarts; i++) {
      int choice = which.nextInt(3);
      if (choice != 0) {
        a.restart(TestKeys.file(3), randomness.get());
      }
      if (choice != 1) {
        b.restart(TestKeys.file(3), randomness.get());
      }
      link.run(Duration.ofMillis(which.nextInt(3) == 0 ? 3 : 5_000));
    }
    link.run(Duration.ofMinutes(3));
    assertTrue(sendBoth(a, b));
    return link.keysUsedTwice;
  }

  @Test
  void everythingEverSaidReplayedChangesNothing() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    for (int i = 0; i < 20; i++) {
      b.restart(TestKeys.file(3), random());
      link.run(Duration.ofSeconds(20));
    }
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    SaKeyId back = Objects.requireNonNull(b.keyTo(a));
    List<SimulatedLink.Seen> recorded = List.copyOf(link.seen);
    int events = a.events.size() + b.events.size();
    for (SimulatedLink.Seen message : recorded) {
      link.inject(message.bytes(), message.from().address, message.to());
      link.run(Duration.ofMillis(60));
    }
    assertEquals(before, a.keyTo(b));
    assertEquals(back, b.keyTo(a));
    assertEquals(events, a.events.size() + b.events.size(), "nothing was installed or heard");
    assertEquals(0, link.keysUsedTwice);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aReplayToARestartedEndGivesItNoKeys(boolean lowerRestarts) {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(1));
    List<SimulatedLink.Seen> recorded = List.copyOf(link.seen);
    SimulatedNode restarted = lowerRestarts ? a : b;
    SimulatedNode peer = lowerRestarts ? b : a;
    restarted.restart(TestKeys.file(3), random());
    link.filter = message -> false;
    for (SimulatedLink.Seen message : recorded) {
      if (message.to().equals(restarted.address)) {
        link.inject(message.bytes(), peer.address, restarted.address);
        link.run(Duration.ofMillis(60));
      }
    }
    assertEquals(0, restarted.sendingUnder(peer));
    assertEquals(0, restarted.inboundCount(peer));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void reflectedMessagesAreRefused(boolean lower) {
    SimulatedNode node = lower ? node(A, B) : node(B, A);
    link.run(Duration.ofMinutes(1));
    link.filter =
        message -> {
          link.inject(message.bytes(), message.to(), message.from().address);
          return false;
        };
    link.run(Duration.ofMinutes(5));
    assertTrue(node.events.stream().noneMatch(KeyingEvent.AddInbound.class::isInstance));
    assertEquals(0, node.keying.drops(ExchangeDrop.UNKNOWN_PEER), "the test does reflect");
    assertTrue(node.refused > 0);
  }

  @Test
  void messagesOfOnePairAreRefusedByAnother() {
    SimulatedNode a = node(A, B, C);
    SimulatedNode b = node(B, A, C);
    SimulatedNode c = node(C, A, B);
    link.filter =
        message -> {
          // A relay: what B and C say to each other comes to A as if the other had said it to A.
          if (!message.from().equals(a) && !message.to().equals(a.address)) {
            link.inject(message.bytes(), message.from().address, a.address);
          }
          return false;
        };
    link.run(Duration.ofMinutes(2));
    assertEquals(0, a.inboundCount(b) + a.inboundCount(c));
    assertTrue(a.refused > 0);
  }

  @Test
  void anEndWithAnotherKeyUnderTheSameIdGetsNothing() {
    SimulatedNode a = node(A, B);
    SimulatedNode b =
        new SimulatedNode(link, B, List.of(A), TestKeys.parse(TestKeys.line(3, 77, 20)), random());
    link.run(Duration.ofMinutes(2));
    assertFalse(sendBoth(a, b));
    assertTrue(a.refused > 0);
  }

  @Test
  void twoClonesWithOneAddressNeverShareAKey() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    SimulatedNode clone = node(B, A);
    link.run(Duration.ofHours(3));
    assertEquals(0, link.keysUsedTwice);
    assertTrue(a.sendingUnder(b) != 0);
    assertNotEquals(b.secretTo(a), clone.secretTo(a));
  }

  @Test
  void aMachineRestoredFromASnapshotMakesAllKeysAnew() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(30));
    SaKeyId before = Objects.requireNonNull(a.keyTo(b));
    a.startAfresh(link.now);
    assertEquals(0, a.sendingUnder(b), "nothing goes out under a key that was used already");
    link.run(Duration.ofSeconds(1));
    assertNotEquals(before, a.keyTo(b));
    assertConnected(a, b);
  }

  @Test
  void forgedHellosAreStoppedByTheLaneAndByTheControlThread() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(10));
    byte[] forged =
        link.seen.stream()
            .filter(seen -> seen.from() == b && type(seen) == 1)
            .findFirst()
            .orElseGet(
                () -> link.seen.stream().filter(seen -> type(seen) == 1).findFirst().orElseThrow())
            .bytes()
            .clone();
    forged[20] ^= 1;
    a.receive(forged, b.address, link.now, link.now + link.wallOffset);
    assertEquals(1, a.refused);
    assertEquals(0, a.keying.drops(ExchangeDrop.BAD_MAC));
    Endpoint from = Endpoint.of(b.address, 4500);
    a.keying.receive(forged, from, false, link.now, link.now + link.wallOffset);
    assertEquals(1, a.keying.drops(ExchangeDrop.BAD_MAC));
    assertConnected(a, b);
  }

  @Test
  void forgedAnswersCostTheControlThreadNoMac() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(10));
    for (SimulatedLink.Seen seen : List.copyOf(link.seen)) {
      if (type(seen) > 1) {
        byte[] forged = seen.bytes().clone();
        forged[20] ^= 1;
        forged[36] ^= 1;
        Endpoint from = Endpoint.of(b.address, 4500);
        a.keying.receive(forged, from, false, link.now, link.now + link.wallOffset);
      }
    }
    assertEquals(0, a.keying.drops(ExchangeDrop.BAD_MAC));
    assertTrue(a.keying.drops(ExchangeDrop.NOT_EXPECTED) > 0);
  }

  @Test
  void aDeadPeerIsAskedEverLessOften() {
    SimulatedNode a = node(A, B);
    link.run(Duration.ofHours(1));
    assertTrue(link.seen.size() < 130, link.seen.size() + " hellos in an hour");
    assertTrue(a.events.stream().anyMatch(KeyingEvent.StopSending.class::isInstance));
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(1));
    assertConnected(a, b);
  }

  @Test
  void keysThatCannotBeRenewedAreNotUsedForever() {
    SimulatedNode a = node(A, B);
    SimulatedNode b = node(B, A);
    link.run(Duration.ofSeconds(1));
    link.filter = message -> false;
    link.run(Duration.ofHours(2));
    assertConnected(a, b);
    link.run(Duration.ofMinutes(90));
    assertEquals(0, a.sendingUnder(b) + b.sendingUnder(a));
    assertEquals(0, a.inboundCount(b));
  }

  @Test
  void everyChangedByteOfAMessageIsNoticed() {
    SimulatedNode a = node(A, B);
    link.run(Duration.ofMillis(1));
    byte[] hello = link.seen.getFirst().bytes();
    SimulatedNode b =
        new SimulatedNode(new SimulatedLink(5), B, List.of(A), TestKeys.file(3), random());
    for (int i = 0; i < hello.length; i++) {
      byte[] changed = hello.clone();
      changed[i] ^= 4;
      long now = Duration.ofSeconds(i).toNanos();
      b.receive(changed, a.address, now, now);
      assertTrue(b.events.isEmpty());
    }
    b.receive(hello, a.address, Duration.ofHours(1).toNanos(), 0);
    assertEquals(76, hello.length);
  }
}
