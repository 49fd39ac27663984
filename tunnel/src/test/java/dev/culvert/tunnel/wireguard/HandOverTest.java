// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.CookieGenerator;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Another engine continues a WireGuard engine from its saved state: its peers notice nothing, and
 * no counter of a key is used twice.
 */
final class HandOverTest {
  private final NonceLog nonces = new NonceLog();
  private final Node alice = new Node("alice", 1, Limits.OF_THE_PAPER, nonces.backend());
  private final Node bob = new Node("bob", 2, Limits.OF_THE_PAPER, nonces.backend());
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  private void establish() {
    network.send(alice, bob, 0);
    network.settle();
    network.send(bob, alice, 0);
    network.settle();
  }

  private int initiations() {
    return network.sentBy(alice, Messages.INITIATION).size()
        + network.sentBy(bob, Messages.INITIATION).size();
  }

  private static List<Integer> upTo(int last) {
    return IntStream.rangeClosed(0, last).boxed().toList();
  }

  // 1. Sessions and counters

  @Test
  void trafficInBothDirectionsGoesOnWithoutAHandshakeAndWithoutLoss() {
    establish();
    for (int i = 1; i <= 100; i++) {
      // The packets are on their way when the next hand-over comes.
      network.send(alice, bob, i);
      network.send(bob, alice, i);
      if (i % 10 == 0) {
        (i % 20 == 0 ? alice : bob).handOver(network.now);
      }
      network.run(SimulatedNetwork.LATENCY * 2 / 3);
    }
    network.settle();
    assertEquals(upTo(100), bob.deliveredNumbers());
    assertEquals(upTo(100), alice.deliveredNumbers());
    assertEquals(1, initiations());
  }

  @Test
  void noCounterOfAKeyIsUsedTwiceOverManyHandOvers() {
    establish();
    for (int i = 1; i <= 100; i++) {
      network.send(alice, bob, i);
      alice.handOver(network.now);
      network.run(MILLISECONDS.toNanos(10));
    }
    assertEquals(upTo(100), bob.deliveredNumbers());
    assertEquals(2, nonces.keys());
    assertEquals(0, nonces.repeated);
  }

  /** The log of nonces can see a repetition: the jump is not vain, nor is the test. */
  @Test
  void aStaleCounterWithoutTheJumpIsUsedTwice() {
    establish();
    network.send(alice, bob, 1, 2, 3);
    alice.session(bob).skipTo(1);
    alice.handOver(network.now, 0);
    network.send(alice, bob, 4, 5, 6);
    assertTrue(nonces.repeated > 0);
  }

  @Test
  void aStaleCounterIsMadeGoodByTheJump() {
    establish();
    network.send(alice, bob, 1, 2, 3);
    network.settle();
    alice.session(bob).skipTo(1);
    alice.handOver(network.now);
    network.send(alice, bob, 4, 5, 6);
    network.settle();
    assertEquals(0, nonces.repeated);
    assertEquals(upTo(6), bob.deliveredNumbers());
  }

  @Test
  void theJumpNeverPassesTheLimit() {
    establish();
    alice.session(bob).skipTo(DataMessages.REJECT_AFTER_MESSAGES - 5);
    alice.handOver(network.now);
    network.run(SECONDS.toNanos(5));
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1));
    network.settle();
    assertEquals(2, initiations());
    assertEquals(upTo(1), bob.deliveredNumbers());
  }

  @Test
  void aPacketFromBeforeIsRefusedAsReplayed() {
    establish();
    network.send(alice, bob, 1, 2, 3);
    network.settle();
    List<SimulatedNetwork.Sent> before = network.sentBy(alice, DataMessages.DATA);
    bob.handOver(network.now);
    before.forEach(sent -> bob.receive(alice.address, network.now, sent.bytes()));
    assertEquals(before.size(), bob.drops(DropReason.REPLAYED));
    assertEquals(upTo(3), bob.deliveredNumbers());
  }

  @Test
  void aPacketFromBeforeThatWasNotReceivedYetIsTaken() {
    establish();
    network.lose = sent -> true;
    network.send(alice, bob, 1);
    byte[] late = network.seen.getLast().bytes();
    network.lose = sent -> false;
    network.send(alice, bob, 2);
    network.settle();
    bob.handOver(network.now);
    bob.receive(alice.address, network.now, late);
    bob.receive(alice.address, network.now, late);
    assertEquals(List.of(0, 2, 1), bob.deliveredNumbers());
  }

  @Test
  void thePreviousSessionStillReceives() {
    establish();
    network.lose = sent -> sent.type() == DataMessages.DATA;
    network.send(alice, bob, 1);
    byte[] late = network.seen.getLast().bytes();
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(120));
    network.send(alice, bob, 2);
    network.settle();
    bob.handOver(network.now);
    bob.receive(alice.address, network.now, late);
    assertEquals(List.of(0, 2, 1), bob.deliveredNumbers());
  }

  @Test
  void aSessionThatIsNotYetConfirmedIsConfirmedAfterwards() {
    network.lose = sent -> sent.type() == DataMessages.DATA;
    network.send(alice, bob, 0);
    network.run(MILLISECONDS.toNanos(100));
    assertNull(bob.peer(alice).sessions().current());
    bob.handOver(network.now);
    assertEquals(SealResult.STAGED, bob.seal(alice, network.now, 1));
    network.lose = sent -> false;
    network.send(alice, bob, 2);
    network.settle();
    assertEquals(List.of(2), bob.deliveredNumbers());
    assertEquals(List.of(1), alice.deliveredNumbers());
    assertEquals(1, initiations());
  }

  /** The lane has confirmed the session, and the control side has not heard of it yet. */
  @Test
  void aConfirmationThatNobodyHasServedIsServedAfterwards() {
    network.lose = sent -> sent.type() == DataMessages.DATA;
    network.send(alice, bob, 0);
    network.run(MILLISECONDS.toNanos(100));
    byte[] confirmation = network.sentBy(alice, DataMessages.DATA).getFirst().bytes();
    bob.receive(alice.address, network.now, confirmation);
    bob.handOver(network.now);
    assertEquals(SealResult.SEALED, bob.seal(alice, network.now, 1));
    network.run(0);
    assertEquals(1, bob.engine.reading(network.now).handshakes().get(HandshakeOutcome.ANSWERED));
    assertNotNull(bob.peer(alice).handshake().lastHandshake());
  }

  // 2. Handshakes

  @Test
  void theResponseToAnInitiationFromBeforeIsTaken() {
    network.send(alice, bob, 0);
    network.run(0);
    assertEquals(1, initiations());
    alice.handOver(network.now);
    network.settle();
    assertEquals(List.of(0), bob.deliveredNumbers());
    assertEquals(1, initiations());
  }

  @Test
  void anInitiationThatWaitsForTheControlSideIsAnsweredAfterwards() {
    network.lose = sent -> true;
    network.send(alice, bob, 0);
    network.run(0);
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
    network.lose = sent -> false;
    bob.receive(alice.address, network.now, initiation);
    bob.handOver(network.now);
    network.settle();
    assertEquals(List.of(0), bob.deliveredNumbers());
    assertEquals(1, initiations());
  }

  @Test
  void aFinishedResponseThatHasNotLeftYetLeavesAfterwards() {
    network.lose = sent -> true;
    network.send(alice, bob, 0);
    network.run(0);
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
    network.lose = sent -> false;
    bob.receive(alice.address, network.now, initiation);
    bob.engine.advance(network.now, network.wall(bob));
    bob.handOver(network.now);
    network.settle();
    assertEquals(List.of(0), bob.deliveredNumbers());
    assertEquals(1, initiations());
  }

  @Test
  void anInitiationThatIsLostIsRepeatedOnTime() {
    network.lose = sent -> sent.type() == Messages.RESPONSE;
    network.send(alice, bob, 0);
    network.settle();
    alice.handOver(network.now);
    network.run(SECONDS.toNanos(9));
    List<SimulatedNetwork.Sent> sent = network.sentBy(alice, Messages.INITIATION);
    assertEquals(2, sent.size());
    long gap = sent.get(1).at() - sent.get(0).at();
    assertTrue(gap >= SECONDS.toNanos(5) && gap < SECONDS.toNanos(5) + MILLISECONDS.toNanos(334));
  }

  @Test
  void attemptsAreCountedOnUntilTheHandshakeIsGivenUp() {
    network.lose = sent -> true;
    network.send(alice, bob, 0);
    for (int i = 0; i < 10; i++) {
      network.run(SECONDS.toNanos(10));
      alice.handOver(network.now);
    }
    assertEquals(1, alice.events(TunnelEvent.HandshakeAbandoned.class).size());
    assertEquals(
        Messages.MAX_HANDSHAKE_ATTEMPTS, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(1, alice.engine.reading(network.now).handshakes().get(HandshakeOutcome.ABANDONED));
  }

  @Test
  void aGreetingIsStillGivenUpSoon() {
    network.lose = sent -> true;
    alice.engine.greet();
    network.run(SECONDS.toNanos(2));
    alice.handOver(network.now);
    network.run(SECONDS.toNanos(100));
    assertEquals(Messages.MAX_GREETING_ATTEMPTS, network.sentBy(alice, Messages.INITIATION).size());
  }

  @Test
  void aPeerThatDoesNotAnswerStaysStale() {
    network.lose = sent -> true;
    network.send(alice, bob, 0);
    network.run(SECONDS.toNanos(9));
    alice.handOver(network.now);
    assertEquals(PeerState.HANDSHAKING, stateOfBob());
    network.run(SECONDS.toNanos(1));
    assertEquals(PeerState.STALE, stateOfBob());
    alice.handOver(network.now);
    assertEquals(PeerState.STALE, stateOfBob());
  }

  private PeerState stateOfBob() {
    return alice.engine.reading(network.now).peers().getFirst().state();
  }

  @Test
  void aHandshakeOfTheLastMinuteIsAskedForOnce() {
    establish();
    network.run(SECONDS.toNanos(164));
    network.lose = sent -> sent.type() == Messages.RESPONSE;
    network.send(bob, alice, 1);
    network.settle();
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    alice.handOver(network.now);
    assertTrue(alice.peer(bob).handshake().lastMinuteHandshake());
  }

  @Test
  void aReplayedInitiationIsStillStale() {
    establish();
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
    bob.handOver(network.now);
    bob.receive(alice.address, network.now, initiation);
    network.settle();
    assertEquals(1, bob.drops(DropReason.STALE_TIMESTAMP));
  }

  @Test
  void ownTimestampsStayLaterThoughTheClockIsSetBack() {
    establish();
    alice.handOver(network.now);
    alice.clockSkew = -SECONDS.toNanos(3600);
    network.run(SECONDS.toNanos(121));
    network.send(alice, bob, 1);
    network.settle();
    assertEquals(2, initiations());
    assertEquals(0, bob.drops(DropReason.STALE_TIMESTAMP));
  }

  @Test
  void aPresharedKeyCountsOn() {
    byte[] bytes = new byte[Messages.KEY_LENGTH];
    Arrays.fill(bytes, (byte) 7);
    SecretBytes shared = SecretBytes.owning(bytes);
    alice.peer(bob, bob.address, shared, OptionalInt.empty(), "10.0.0.2/32");
    bob.peer(alice, alice.address, shared, OptionalInt.empty(), "10.0.0.1/32");
    alice.handOver(network.now);
    network.send(alice, bob, 0);
    network.settle();
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  @Test
  void cookiesOfBothSidesStayValid() {
    network.send(alice, bob, 7);
    network.run(0);
    overload();
    network.run(SECONDS.toNanos(2));
    assertEquals(List.of(), bob.delivered);
    alice.handOver(network.now);
    bob.handOver(network.now);
    network.run(SECONDS.toNanos(3));
    // Still under load when alice tries again, now with the cookie.
    overload();
    network.run(SECONDS.toNanos(1));
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(List.of(7), bob.deliveredNumbers());
  }

  /** As many messages of a stranger as make bob call it load. */
  private void overload() {
    byte[] message = new byte[Messages.INITIATION_LENGTH];
    Messages.putInt(message, Messages.TYPE, Messages.INITIATION);
    new CookieGenerator(bob.publicKey, WireGuardEngine.LABELS).addMacs(message, network.now);
    for (int i = 0; i < Messages.MAX_QUEUED_HANDSHAKES / 8; i++) {
      bob.receive(Endpoint.of(IpAddress.parse("203.0.113.1"), 1000), network.now, message);
    }
  }

  // 3. Time

  @Test
  void initiatorRenewsAtTheAgeThatTheSessionHas() {
    establish();
    for (int i = 0; i < 11; i++) {
      network.run(SECONDS.toNanos(10));
      alice.handOver(network.now);
      bob.handOver(network.now);
    }
    network.run(SECONDS.toNanos(6));
    network.send(alice, bob, 1);
    network.settle();
    assertEquals(1, initiations());
    network.run(SECONDS.toNanos(2));
    network.send(alice, bob, 2);
    network.settle();
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(upTo(2), bob.deliveredNumbers());
  }

  @Test
  void responderStillDoesNotRenew() {
    establish();
    bob.handOver(network.now);
    network.run(SECONDS.toNanos(150));
    network.send(bob, alice, 1);
    network.settle();
    assertEquals(1, initiations());
    assertEquals(upTo(1), alice.deliveredNumbers());
  }

  @Test
  void persistentKeepalivesStayOnTime() {
    alice.apply(Updates.keepalive(bob.publicKey, 25));
    long start = network.now;
    for (int i = 0; i < 101; i++) {
      network.run(SECONDS.toNanos(1));
      alice.handOver(network.now);
    }
    List<Long> gaps =
        network.sentBy(alice, DataMessages.DATA).stream()
            .map(sent -> NANOSECONDS.toMillis(sent.at() - start))
            .toList();
    assertEquals(List.of(3L, 25_003L, 50_003L, 75_003L, 100_003L), gaps);
  }

  @Test
  void passiveKeepalivesStayOnTime() {
    establish();
    network.run(SECONDS.toNanos(40));
    network.seen.clear();
    long sent = network.now;
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(5));
    network.send(alice, bob, 2);
    bob.handOver(network.now);
    network.run(SECONDS.toNanos(1));
    bob.handOver(network.now);
    network.run(SECONDS.toNanos(24));
    List<Long> answers =
        network.sentBy(bob, DataMessages.DATA).stream().map(answer -> answer.at() - sent).toList();
    long first = 2 * SimulatedNetwork.LATENCY + SECONDS.toNanos(10);
    assertEquals(List.of(first, first + SECONDS.toNanos(10)), answers);
  }

  @Test
  void keyMaterialIsGoneAfterNineIdleMinutes() {
    establish();
    network.run(SECONDS.toNanos(300));
    bob.handOver(network.now);
    network.run(SECONDS.toNanos(237));
    assertFalse(bob.peer(alice).sessions().isEmpty());
    network.run(SECONDS.toNanos(3));
    assertTrue(bob.peer(alice).sessions().isEmpty());
  }

  /** The other process reads its own clock; all that the engine knows of time moves with it. */
  @Test
  void allMomentsMoveWithTheMomentOfSaving() throws StateException {
    alice.apply(Updates.keepalive(bob.publicKey, 25));
    establish();
    // Until the timers that were cancelled are forgotten.
    network.run(SECONDS.toNanos(30));
    long later = SECONDS.toNanos(123_456);
    WireGuardEngine elsewhere = alice.fresh();
    byte[] saved = alice.saved(network.now);
    elsewhere.restore(reader(saved), network.now + later, 0);
    assertEquals(alice.engine.nextDeadlineNanos() + later, elsewhere.nextDeadlineNanos());
    assertArrayEquals(saved, Node.saved(elsewhere, network.now + later));
  }

  // 4. What waits

  @Test
  void stagedPacketsArriveInOrder() {
    network.lose = sent -> true;
    network.send(alice, bob, 0, 1, 2);
    network.send(alice, bob, 3);
    network.settle();
    alice.handOver(network.now);
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(6));
    assertEquals(upTo(3), bob.deliveredNumbers());
    assertEquals(2, initiations());
  }

  @Test
  void packetsStagedJustNowAreSent() {
    assertEquals(SealResult.STAGED, alice.seal(bob, network.now, 0));
    alice.handOver(network.now);
    assertEquals(Long.MIN_VALUE, alice.engine.nextDeadlineNanos());
    network.settle();
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  @Test
  void aKeepaliveThatIsDueIsSent() {
    establish();
    network.seen.clear();
    alice.peer(bob).sendKeepalive();
    alice.handOver(network.now);
    network.run(0);
    assertEquals(1, network.sentBy(alice, DataMessages.DATA).size());
  }

  @Test
  void aPeerIsGreetedOnceThoughTheHandOverComesBetween() {
    alice.engine.greet();
    alice.handOver(network.now);
    alice.engine.greet();
    network.settle();
    assertEquals(1, network.sentBy(alice, Messages.INITIATION).size());
    network.run(SECONDS.toNanos(600));
    network.seen.clear();
    alice.handOver(network.now);
    alice.engine.greet();
    network.settle();
    assertEquals(List.of(), network.seen);
  }

  // 5. Configuration and statistics

  @Test
  void keysPeersAndRangesContinueInOrder() {
    Node carol = new Node("carol", 3);
    alice.peer(
        carol, null, carol.privateKey, OptionalInt.of(99), "10.0.0.3/32", "10.9.0.0/16", "fd::/8");
    alice.apply(Updates.heardAt(carol.publicKey, IpAddress.parse("192.0.2.3")));
    establish();
    DeviceSnapshot before = alice.engine.snapshot();
    alice.handOver(network.now);
    DeviceSnapshot after = alice.engine.snapshot();
    assertEquals(before, after);
    assertEquals(2, after.peers().size());
    assertEquals(99, after.peers().getLast().persistentKeepalive());
    assertEquals(Set.of(IpAddress.parse("192.0.2.3")), after.peers().getLast().addresses());
  }

  @Test
  void statisticsContinue() {
    Node carol = new Node("carol", 3);
    carol.knows(alice);
    alice.knows(carol);
    network.add(carol);
    network.send(carol, alice, 5);
    network.settle();
    alice.remove(carol);
    establish();
    byte[] initiation = network.sentBy(bob, Messages.RESPONSE).getFirst().bytes();
    alice.receive(bob.address, network.now, initiation);
    network.send(carol, alice, 6);
    network.settle();
    alice.engine.drops().count(DropReason.BAD_HANDSHAKE, 3);
    var before = alice.engine.reading(network.now);
    var drops = alice.engine.drops().snapshot();
    assertNotEquals(0, before.removed().rxBytes());
    alice.handOver(network.now);
    assertEquals(before, alice.engine.reading(network.now));
    assertEquals(drops, alice.engine.drops().snapshot());
  }

  @Test
  void aRoamedEndpointAndItsSourceContinue() {
    establish();
    Endpoint moved =
        new Endpoint(IpAddress.parse("198.51.100.7"), 4000, 0, IpAddress.parse("192.0.2.1"), 3);
    alice.peer(bob).heardFrom(moved);
    alice.handOver(network.now);
    assertEquals(moved, alice.peer(bob).endpoint());
    network.send(alice, bob, 1);
    assertEquals(moved, network.seen.getLast().to());
  }

  @Test
  void aMoveAfterwardsIsReportedFromThePlaceBefore() {
    establish();
    alice.handOver(network.now);
    Endpoint before = bob.address;
    bob.address = Endpoint.of(IpAddress.parse("198.51.100.7"), 4000);
    network.send(bob, alice, 1);
    network.settle();
    List<TunnelEvent.EndpointMoved> moves = alice.events(TunnelEvent.EndpointMoved.class);
    assertEquals(1, moves.size());
    assertEquals(before, moves.getFirst().from());
  }

  @Test
  void aSourceThatWasNotCheckedYetIsCheckedAfterwards() {
    establish();
    Endpoint heard =
        new Endpoint(bob.address.address(), bob.address.port(), 0, IpAddress.parse("192.0.2.1"), 3);
    assertTrue(alice.peer(bob).heardFrom(heard));
    alice.handOver(network.now);
    assertEquals(heard, alice.peer(bob).heardSource());
    assertEquals(bob.address, alice.peer(bob).endpoint());
  }

  @Test
  void distrustedKeysAreNotHandedOver() {
    establish();
    alice.engine.distrustKeys("a test");
    alice.handOver(network.now);
    assertTrue(alice.peer(bob).sessions().isEmpty());
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1));
    network.run(SECONDS.toNanos(6));
    assertEquals(upTo(1), bob.deliveredNumbers());
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals("a test", alice.events(TunnelEvent.KeysEnded.class).getFirst().reason());
  }

  @Test
  void anEngineInUseDoesNotContinueAnother() {
    byte[] saved = alice.saved(network.now);
    assertThrows(IllegalStateException.class, () -> bob.engine.restore(reader(saved), network.now));
    network.send(alice, bob, 0);
    network.settle();
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  @Test
  void allStatesOfTheEnginesLifeAreSavedAsTheyWereRestored() throws StateException {
    alice.apply(Updates.keepalive(bob.publicKey, 7));
    network.lossRate = 0.3;
    for (int i = 0; i < 400; i++) {
      network.send(alice, bob, i);
      if (i % 3 == 0) {
        network.send(bob, alice, i);
      }
      for (Node node : List.of(alice, bob)) {
        byte[] saved = node.saved(network.now);
        WireGuardEngine next = node.fresh();
        next.restore(reader(saved), network.now, 0);
        assertArrayEquals(saved, Node.saved(next, network.now));
        next.close();
      }
      network.run(MILLISECONDS.toNanos(1700));
    }
  }

  // 6. The one that gave its state away and goes on

  @Test
  void theFormerGoesOnAfterItsSuccessorDied() {
    establish();
    List<Integer> expected = new ArrayList<>(List.of(0));
    for (int i = 1; i <= 5; i++) {
      network.send(alice, bob, i);
      alice.successor(network.now, SafetyJump.PACKETS).close();
      alice.engine.jumpAhead();
      network.run(MILLISECONDS.toNanos(100));
      expected.add(i);
    }
    assertEquals(expected, bob.deliveredNumbers());
    assertEquals(0, nonces.repeated);
    assertEquals(1, initiations());
  }

  @Test
  void evenASuccessorThatSentSharesNoCounterWithTheFormer() {
    establish();
    WireGuardEngine former = alice.engine;
    var formerPath = alice.path;
    alice.engine = alice.successor(network.now, SafetyJump.PACKETS);
    alice.path = alice.engine.newDataPath();
    for (int i = 1; i <= 100; i++) {
      network.send(alice, bob, i);
    }
    alice.engine.close();
    alice.engine = former;
    alice.path = formerPath;
    alice.engine.jumpAhead();
    for (int i = 101; i <= 200; i++) {
      network.send(alice, bob, i);
    }
    network.settle();
    assertEquals(0, nonces.repeated);
    assertEquals(upTo(200), bob.deliveredNumbers());
  }

  /** Both would derive keys from one response, and count from zero. */
  @Test
  void theFormerTakesNoResponseToAnInitiationThatItGaveAway() {
    network.send(alice, bob, 0);
    network.run(0);
    alice.successor(network.now, SafetyJump.PACKETS).close();
    alice.engine.jumpAhead();
    network.lose = sent -> sent.type() == Messages.INITIATION;
    network.run(SECONDS.toNanos(3));
    assertEquals(1, network.sentBy(bob, Messages.RESPONSE).size());
    assertNull(alice.peer(bob).sessions().current());
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(3));
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  @Test
  void theFormerAsksAgainAtOnceAndKeepsItsStagedPackets() {
    network.lose = sent -> sent.type() == Messages.RESPONSE;
    network.send(alice, bob, 0);
    network.run(MILLISECONDS.toNanos(200));
    alice.successor(network.now, SafetyJump.PACKETS).close();
    alice.engine.jumpAhead();
    network.lose = sent -> false;
    network.run(MILLISECONDS.toNanos(10));
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  private static StateReader reader(byte[] state) {
    return new StateReader(MemorySegment.ofArray(state));
  }
}
