// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A WireGuard session is renewed and ended at the paper's limits of time and messages, and at once
 * when the private key changes.
 */
final class SessionLifetimeTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  private Session established() {
    network.send(alice, bob, 0);
    network.settle();
    return alice.session(bob);
  }

  private int handshakes() {
    return network.sentBy(alice, Messages.INITIATION).size()
        + network.sentBy(bob, Messages.INITIATION).size();
  }

  @Test
  void initiatorRenewsTheSessionWhenItSendsAfterTwoMinutes() {
    Session first = established();
    network.run(SECONDS.toNanos(118));
    network.send(alice, bob, 1);
    network.settle();
    assertEquals(1, handshakes());
    network.run(SECONDS.toNanos(1));
    network.send(alice, bob, 2);
    network.settle();
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    assertNotSame(first, alice.session(bob));
    assertEquals(List.of(0, 1, 2), bob.deliveredNumbers());
  }

  @Test
  void responderNeverRenewsByTime() {
    established();
    network.run(SECONDS.toNanos(150));
    network.send(bob, alice, 1);
    network.settle();
    assertEquals(1, handshakes());
    assertEquals(List.of(1), alice.deliveredNumbers());
  }

  @Test
  void initiatorThatOnlyReceivesRenewsAtTheLastMinute() {
    established();
    network.run(SECONDS.toNanos(163));
    network.send(bob, alice, 1);
    network.settle();
    assertEquals(1, handshakes());
    network.run(SECONDS.toNanos(1));
    network.send(bob, alice, 2);
    network.settle();
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    network.run(SECONDS.toNanos(60));
    network.send(bob, alice, 3);
    network.settle();
    assertEquals(List.of(1, 2, 3), alice.deliveredNumbers());
    assertEquals(2, handshakes());
  }

  @Test
  void datagramsWhileAHandshakeRunsStillGoUnderTheOldSession() {
    established();
    network.run(SECONDS.toNanos(125));
    network.lose = sent -> sent.type() == Messages.RESPONSE;
    for (int i = 1; i <= 10; i++) {
      assertEquals(SealResult.SEALED, network.send(alice, bob, i));
      network.run(SECONDS.toNanos(1));
    }
    assertEquals(11, bob.delivered.size());
  }

  @Test
  void datagramOfThePreviousSessionIsStillOpened() {
    established();
    network.lose = sent -> sent.type() == DataMessages.DATA;
    network.send(alice, bob, 1);
    byte[] late = network.seen.getLast().bytes();
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(120));
    network.send(alice, bob, 2);
    network.settle();
    bob.receive(alice.address, network.now, late);
    assertEquals(List.of(0, 2, 1), bob.deliveredNumbers());
  }

  @Test
  void nothingIsSealedUnderASessionOfThreeMinutes() {
    established();
    network.lose = sent -> true;
    network.run(SECONDS.toNanos(178) + MILLISECONDS.toNanos(900));
    assertEquals(SealResult.SEALED, network.send(alice, bob, 1));
    network.run(SECONDS.toNanos(1));
    assertEquals(SealResult.STAGED, network.send(alice, bob, 2));
    assertEquals(SealResult.STAGED, network.send(bob, alice, 2));
  }

  @Test
  void nothingIsOpenedUnderASessionOfThreeMinutes() {
    established();
    network.lose = sent -> true;
    network.send(alice, bob, 1);
    byte[] held = network.seen.getLast().bytes();
    network.run(SECONDS.toNanos(180));
    bob.receive(alice.address, network.now, held);
    assertEquals(1, bob.drops(DropReason.EXPIRED));
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  @Test
  void keyMaterialIsGoneAfterNineIdleMinutes() {
    established();
    assertFalse(alice.peer(bob).sessions().isEmpty());
    network.run(SECONDS.toNanos(538));
    assertFalse(bob.peer(alice).sessions().isEmpty());
    network.run(SECONDS.toNanos(2));
    assertTrue(alice.peer(bob).sessions().isEmpty());
    assertTrue(bob.peer(alice).sessions().isEmpty());
    assertNull(alice.peer(bob).handshake().pending());
  }

  @Test
  void spentMessagesRenewTheSessionFromEitherEnd() {
    Limits limits = new Limits(20, 1000);
    Node carol = new Node("carol", 3, limits);
    Node dave = new Node("dave", 4, limits);
    SimulatedNetwork other = SimulatedNetwork.of(carol, dave);
    other.send(carol, dave, 0);
    other.settle();
    other.run(SECONDS.toNanos(6));
    Session first = dave.session(carol);
    for (int i = 1; i <= 25; i++) {
      assertEquals(SealResult.SEALED, other.send(dave, carol, i));
    }
    other.settle();
    assertEquals(25, carol.delivered.size());
    assertEquals(1, other.sentBy(dave, Messages.INITIATION).size());
    assertNotSame(first, dave.session(carol));
  }

  @Test
  void noCounterAtTheLimitIsEverUsed() {
    Limits limits = new Limits(1L << 60, 40);
    Node carol = new Node("carol", 3, limits);
    Node dave = new Node("dave", 4, limits);
    SimulatedNetwork other = SimulatedNetwork.of(carol, dave);
    other.send(carol, dave, 0);
    other.settle();
    carol.session(dave).skipTo(36);
    assertEquals(SealResult.SEALED, other.send(carol, dave, 1, 2, 3));
    assertEquals(SealResult.STAGED, other.send(carol, dave, 4, 5));
    other.run(SECONDS.toNanos(7));
    assertEquals(List.of(0, 1, 2, 3, 4, 5), dave.deliveredNumbers());
    for (SimulatedNetwork.Sent sent : other.sentBy(carol, DataMessages.DATA)) {
      assertTrue(Messages.getInt(sent.bytes(), DataMessages.DATA_COUNTER) < 40);
    }
  }

  @Test
  void counterAtTheLimitIsNotOpened() {
    Session session = established();
    session.skipTo(DataMessages.REJECT_AFTER_MESSAGES - 1);
    network.send(alice, bob, 1);
    network.settle();
    assertEquals(List.of(0, 1), bob.deliveredNumbers());
    byte[] beyond = network.sentBy(alice, DataMessages.DATA).getLast().bytes().clone();
    beyond[DataMessages.DATA_COUNTER]++;
    bob.receive(alice.address, network.now, beyond);
    assertEquals(1, bob.drops(DropReason.EXPIRED));
  }

  @Test
  void thePapersLimitsHoldAtTheEndOfTheCounterSpace() {
    Session session = established();
    session.skipTo(DataMessages.REJECT_AFTER_MESSAGES - 10);
    assertEquals(Session.SPENT, session.reserve(11));
    assertEquals(DataMessages.REJECT_AFTER_MESSAGES - 10, session.reserve(10));
    assertEquals(Session.SPENT, session.reserve(1));
    session.skipTo(-1);
    assertEquals(Session.SPENT, session.reserve(1));
  }

  @Test
  void changedPrivateKeyEndsEverySessionAtOnce() {
    Session first = established();
    Node carol = new Node("carol", 3);
    alice.engine.apply(Updates.privateKey(carol.privateKey));
    assertNull(alice.peer(bob).sessions().current());
    assertFalse(first.pin());
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1));
    network.settle();
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    bob.apply(Updates.peer(carol.publicKey, alice.address, "10.0.0.1/32"));
    network.run(SECONDS.toNanos(6));
    assertEquals(List.of(0, 1), bob.deliveredNumbers());
  }

  @Test
  void samePrivateKeyAgainChangesNothing() {
    Session first = established();
    alice.engine.apply(Updates.privateKey(alice.privateKey));
    assertSame(first, alice.session(bob));
  }

  @Test
  void removedPrivateKeyStopsEverything() {
    established();
    alice.engine.apply(Updates.privateKey(Updates.NO_KEY));
    network.seen.clear();
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1));
    network.run(SECONDS.toNanos(30));
    assertTrue(network.seen.stream().allMatch(sent -> sent.from().equals(bob.address)));
    network.send(bob, alice, 2);
    network.settle();
    assertEquals(List.of(), alice.delivered);
    alice.engine.apply(Updates.privateKey(alice.privateKey));
    network.settle();
    assertEquals(List.of(0, 1), bob.deliveredNumbers());
  }
}
