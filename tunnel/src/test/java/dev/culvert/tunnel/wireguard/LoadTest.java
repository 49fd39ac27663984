// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.StagedQueue;
import dev.culvert.tunnel.engine.StagingBudget;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.CookieChecker;
import dev.culvert.tunnel.noise.CookieGenerator;
import dev.culvert.tunnel.noise.LocalIdentity;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.RateLimiter;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Under load a WireGuard responder demands cookies and limits handshakes per source, and its queues
 * and staged packets are always bounded.
 */
final class LoadTest {
  private static final int UNDER_LOAD = Messages.MAX_QUEUED_HANDSHAKES / 8;

  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final Endpoint flooder = Endpoint.of(IpAddress.parse("203.0.113.1"), 1000);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  /** Initiations with a right mac1 and nothing else right, as many as make bob call it load. */
  private void overload(int messages) {
    byte[] message = new byte[Messages.INITIATION_LENGTH];
    Messages.putInt(message, Messages.TYPE, Messages.INITIATION);
    new CookieGenerator(bob.publicKey, WireGuardEngine.LABELS).addMacs(message, network.now);
    for (int i = 0; i < messages; i++) {
      bob.receive(flooder, network.now, message);
    }
  }

  /** The same, each from another address. */
  private void strangers(int messages) {
    byte[] message = new byte[Messages.INITIATION_LENGTH];
    Messages.putInt(message, Messages.TYPE, Messages.INITIATION);
    new CookieGenerator(bob.publicKey, WireGuardEngine.LABELS).addMacs(message, network.now);
    for (int i = 0; i < messages; i++) {
      bob.receive(Endpoint.of(IpAddress.ofV4(0x0b00_0000 + 7919 * i), 1000), network.now, message);
    }
  }

  @Test
  void strangersLeaveHalfOfTheQueueToPeers() {
    strangers(Messages.MAX_QUEUED_HANDSHAKES);
    bob.engine.advance(network.now, network.wall(bob));
    strangers(Messages.MAX_QUEUED_HANDSHAKES);
    long full = bob.drops(DropReason.QUEUE_FULL);
    assertTrue(full >= Messages.MAX_QUEUED_HANDSHAKES, "refused: " + full);
    byte[] initiation = new byte[Messages.INITIATION_LENGTH];
    Messages.putInt(initiation, Messages.TYPE, Messages.INITIATION);
    new CookieGenerator(bob.publicKey, WireGuardEngine.LABELS).addMacs(initiation, network.now);
    bob.receive(alice.address, network.now, initiation);
    assertEquals(full, bob.drops(DropReason.QUEUE_FULL));
  }

  @Test
  void aFloodInOneNameIsLoadForThatNameAlone() {
    overload(UNDER_LOAD / 2);
    network.send(alice, bob, 7);
    network.run(MILLISECONDS.toNanos(100));
    assertTrue(network.sentBy(bob, Messages.COOKIE_REPLY).size() > 0, "the flooder is asked");
    assertEquals(List.of(7), bob.deliveredNumbers(), "and alice is not");
  }

  @Test
  void underLoadASenderIsGivenACookieAndComesThroughWithIt() {
    network.send(alice, bob, 7);
    network.run(0);
    overload(UNDER_LOAD);
    network.run(SECONDS.toNanos(5));
    assertEquals(List.of(), bob.delivered);
    assertTrue(network.sentBy(bob, Messages.COOKIE_REPLY).size() > UNDER_LOAD);
    assertEquals(List.of(), bob.events(TunnelEvent.SessionEstablished.class));
    // Still under load when alice tries again, now with mac2.
    overload(UNDER_LOAD);
    network.run(SECONDS.toNanos(1));
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(List.of(7), bob.deliveredNumbers());
  }

  @Test
  void initiatorUnderLoadGivesTheResponderACookie() {
    network.send(alice, bob, 7);
    network.run(0);
    byte[] message = new byte[Messages.INITIATION_LENGTH];
    Messages.putInt(message, Messages.TYPE, Messages.INITIATION);
    new CookieGenerator(alice.publicKey, WireGuardEngine.LABELS).addMacs(message, network.now);
    for (int i = 0; i < UNDER_LOAD; i++) {
      alice.receive(flooder, network.now, message);
    }
    network.run(MILLISECONDS.toNanos(500));
    assertEquals(0, bob.drops(DropReason.BAD_COOKIE) + bob.drops(DropReason.UNKNOWN_INDEX));
    assertEquals(List.of(), bob.delivered);
    for (int i = 0; i < UNDER_LOAD; i++) {
      alice.receive(flooder, network.now, message);
    }
    network.run(SECONDS.toNanos(6));
    assertEquals(List.of(7), bob.deliveredNumbers());
  }

  @Test
  void cookieReplyNeverMovesTheEndpoint() {
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(0);
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
    byte[] reply = cookieReply(initiation);
    alice.receive(flooder, network.now, reply);
    network.run(0);
    assertEquals(0, alice.drops(DropReason.BAD_COOKIE));
    assertEquals(bob.address, alice.peer(bob).endpoint());
    // The same reply again, or one that answers nothing we sent.
    alice.receive(flooder, network.now, reply);
    network.run(0);
    assertEquals(1, alice.drops(DropReason.BAD_COOKIE));
  }

  private byte[] cookieReply(byte[] initiation) {
    CookieChecker checker = new CookieChecker(Node.seeded(5));
    LocalIdentity identity = new LocalIdentity(bob.privateKey, WireGuardEngine.LABELS);
    int sender = Messages.getInt(initiation, Messages.INITIATION_SENDER);
    return checker.reply(initiation, sender, alice.address, identity, network.now);
  }

  @Test
  void forgedCookieReplyIsRefused() {
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(0);
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
    byte[] reply = cookieReply(initiation);
    reply[Messages.COOKIE_REPLY_COOKIE] ^= 1;
    alice.receive(bob.address, network.now, reply);
    reply[Messages.COOKIE_REPLY_RECEIVER] ^= 1;
    alice.receive(bob.address, network.now, reply);
    network.run(0);
    assertEquals(1, alice.drops(DropReason.BAD_COOKIE));
    assertEquals(1, alice.drops(DropReason.UNKNOWN_INDEX));
  }

  @Test
  void cookieIsBoundToAddressAndPortAndLivesTwoMinutes() {
    CookieChecker checker = new CookieChecker(Node.seeded(5));
    LocalIdentity identity = new LocalIdentity(bob.privateKey, WireGuardEngine.LABELS);
    CookieGenerator generator = new CookieGenerator(bob.publicKey, WireGuardEngine.LABELS);
    byte[] message = new byte[Messages.INITIATION_LENGTH];
    generator.addMacs(message, 0);
    assertFalse(checker.mac2Matches(message, alice.address, 0));
    assertTrue(generator.consume(checker.reply(message, 1, alice.address, identity, 0), 0));
    generator.addMacs(message, 1);
    assertTrue(checker.mac2Matches(message, alice.address, 1));
    Endpoint otherPort = Endpoint.of(alice.address.address(), alice.address.port() + 1);
    assertFalse(checker.mac2Matches(message, otherPort, 1));
    assertFalse(checker.mac2Matches(message, flooder, 1));
    long refreshed = Messages.COOKIE_REFRESH_TIME;
    assertFalse(checker.mac2Matches(message, alice.address, refreshed));
    byte[] later = new byte[Messages.INITIATION_LENGTH];
    generator.addMacs(later, refreshed);
    assertEquals(0, Messages.getInt(later, Messages.INITIATION_LENGTH - Messages.MAC_LENGTH));
  }

  @Test
  void loadIsOverASecondAfterTheQueueWasShort() {
    overload(UNDER_LOAD);
    network.run(SECONDS.toNanos(1) - 1);
    network.send(alice, bob, 1);
    network.run(0);
    network.run(SECONDS.toNanos(1));
    assertEquals(List.of(1), bob.deliveredNumbers());
    assertEquals(0, bob.drops(DropReason.RATE_LIMITED));
  }

  @Test
  void queueOfHandshakesIsBounded() {
    overload(UNDER_LOAD + 10);
    assertEquals(10, bob.drops(DropReason.QUEUE_FULL), "an eighth is for one source");
    strangers(Messages.MAX_QUEUED_HANDSHAKES - UNDER_LOAD + 10);
    assertEquals(20, bob.drops(DropReason.QUEUE_FULL));
    assertEquals(Long.MIN_VALUE, bob.engine.nextDeadlineNanos());
    network.run(0);
    assertEquals(List.of(), bob.delivered);
  }

  @Test
  void sourceWithACookieGetsTwentyHandshakesASecondInBurstsOfFive() {
    RateLimiter limiter = new RateLimiter();
    IpAddress source = IpAddress.parse("192.0.2.7");
    assertEquals(5, allowed(limiter, source, 0, 10));
    assertEquals(0, allowed(limiter, source, MILLISECONDS.toNanos(49), 1));
    assertEquals(1, allowed(limiter, source, MILLISECONDS.toNanos(50), 10));
    assertEquals(1, allowed(limiter, source, MILLISECONDS.toNanos(100), 10));
    assertEquals(5, allowed(limiter, source, SECONDS.toNanos(10), 10));
    assertEquals(5, allowed(limiter, IpAddress.parse("192.0.2.8"), SECONDS.toNanos(10), 10));
  }

  @Test
  void rateIsLimitedForAnIpv6NetworkOfSixtyFourBits() {
    RateLimiter limiter = new RateLimiter();
    assertEquals(3, allowed(limiter, IpAddress.parse("2001:db8::1"), 0, 3));
    assertEquals(2, allowed(limiter, IpAddress.parse("2001:db8::2"), 0, 3));
    assertEquals(3, allowed(limiter, IpAddress.parse("2001:db8:0:1::1"), 0, 3));
  }

  @Test
  void rateLimiterHoldsABoundedNumberOfSources() {
    RateLimiter limiter = new RateLimiter();
    for (int i = 0; i < RateLimiter.MAX_SOURCES; i++) {
      assertTrue(limiter.allow(IpAddress.ofV4(i), 0));
    }
    assertFalse(limiter.allow(IpAddress.ofV4(-1), 0));
    assertTrue(limiter.allow(IpAddress.ofV4(-1), SECONDS.toNanos(2)));
  }

  private static int allowed(RateLimiter limiter, IpAddress source, long now, int tries) {
    int allowed = 0;
    for (int i = 0; i < tries; i++) {
      allowed += limiter.allow(source, now) ? 1 : 0;
    }
    return allowed;
  }

  @Test
  void stagedPacketsAreDeliveredInOrderAndTheOldestGoFirstWhenThereAreTooMany() {
    network.lose = sent -> true;
    for (int i = 0; i < 200; i++) {
      assertEquals(SealResult.STAGED, network.send(alice, bob, i));
    }
    assertEquals(200 - 128, alice.drops(DropReason.STAGING_FULL));
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(6));
    assertEquals(IntStream.range(72, 200).boxed().toList(), bob.deliveredNumbers());
  }

  @Test
  void allPeersTogetherStageABoundedNumberOfPackets() {
    StagingBudget budget = new StagingBudget();
    int peers = StagingBudget.MAX_PACKETS / StagedQueue.CAPACITY;
    List<StagedQueue> queues =
        IntStream.range(0, peers + 1).mapToObj(i -> new StagedQueue(budget)).toList();
    for (StagedQueue queue : queues.subList(0, peers)) {
      for (int i = 0; i < StagedQueue.CAPACITY; i++) {
        assertEquals(0, queue.add(new byte[1]));
      }
    }
    assertEquals(1, queues.getLast().add(new byte[1]));
    assertNull(queues.getLast().poll());
    assertEquals(StagedQueue.CAPACITY, queues.getFirst().clear());
    assertEquals(0, queues.getLast().add(new byte[1]));
  }

  @Test
  void stagedBytesAreBoundedToo() {
    StagingBudget budget = new StagingBudget();
    StagedQueue one = new StagedQueue(budget);
    StagedQueue other = new StagedQueue(budget);
    assertEquals(0, one.add(new byte[StagingBudget.MAX_BYTES]));
    assertEquals(1, other.add(new byte[1]));
    assertEquals(1, one.add(new byte[2]));
    assertEquals(0, other.add(new byte[1]));
    assertEquals(1, one.close());
    assertEquals(1, one.add(new byte[1]));
    assertNull(one.poll());
  }

  @Test
  void packetStagedJustAsTheSessionCameUpIsNotLeftBehind() {
    network.send(alice, bob, 1);
    network.settle();
    // A lane that found no session before it came up stages now.
    alice.peer(bob).staged().add(Node.packet(alice.inner, bob.inner, 2));
    Session session = alice.session(bob);
    session.skipTo(DataMessages.REJECT_AFTER_MESSAGES - 3);
    assertEquals(SealResult.STAGED, network.send(alice, bob, 3, 4, 5, 6));
    assertEquals(Long.MIN_VALUE, alice.engine.nextDeadlineNanos());
    network.run(SECONDS.toNanos(7));
    assertEquals(List.of(1, 2, 3, 4, 5, 6), bob.deliveredNumbers());
  }

  @Test
  void deadPeersDoNotMakeTheEngineSpin() {
    Node carol = new Node("carol", 3);
    alice.peer(carol, flooder, null, OptionalInt.of(1), "10.0.0.3/32");
    network.lose = sent -> true;
    network.send(alice, carol, 1);
    network.run(SECONDS.toNanos(60));
    assertTrue(network.seen.size() < 15, "sent " + network.seen.size());
  }
}
