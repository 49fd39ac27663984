// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.Timer;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Passive and persistent keepalives of WireGuard are sent on time and only if needed, and data
 * without an answer for 15 seconds begins a handshake.
 */
final class TimersTest {
  private static final int KEEPALIVE_LENGTH = DataMessages.DATA_OVERHEAD;

  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  private void establish() {
    network.send(alice, bob, 0);
    network.settle();
    network.send(bob, alice, 0);
    // Passive keepalives of the first exchange, and those after them.
    network.run(SECONDS.toNanos(40));
    network.seen.clear();
  }

  @Test
  void idleSessionSendsNothing() {
    establish();
    network.run(SECONDS.toNanos(400));
    assertEquals(List.of(), network.seen);
  }

  @Test
  void receivedDataIsAnsweredByAKeepaliveAfterTenSeconds() {
    establish();
    long sent = network.now;
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(30));
    List<SimulatedNetwork.Sent> answers = network.sentBy(bob, DataMessages.DATA);
    assertEquals(1, answers.size());
    assertEquals(KEEPALIVE_LENGTH, answers.getFirst().bytes().length);
    assertEquals(
        sent + 2 * SimulatedNetwork.LATENCY + SECONDS.toNanos(10), answers.getFirst().at());
    assertEquals(1, network.sentBy(alice, DataMessages.DATA).size());
  }

  @Test
  void dataSentWithinTenSecondsMakesTheKeepaliveNeedless() {
    establish();
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(5));
    network.send(bob, alice, 2);
    network.run(SECONDS.toNanos(8));
    assertEquals(1, network.sentBy(bob, DataMessages.DATA).size());
  }

  @Test
  void dataThatKeepsComingIsAnsweredByAnotherKeepalive() {
    establish();
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(5));
    network.send(alice, bob, 2);
    network.run(SECONDS.toNanos(30));
    List<SimulatedNetwork.Sent> answers = network.sentBy(bob, DataMessages.DATA);
    assertEquals(2, answers.size());
    assertEquals(SECONDS.toNanos(10), answers.get(1).at() - answers.get(0).at());
  }

  @Test
  void silenceAfterDataBeginsAHandshakeAfterFifteenSeconds() {
    establish();
    network.lose = sent -> sent.from().equals(bob.address);
    long sent = network.now;
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(16));
    List<SimulatedNetwork.Sent> initiations = network.sentBy(alice, Messages.INITIATION);
    assertEquals(1, initiations.size());
    long waited = initiations.getFirst().at() - SimulatedNetwork.LATENCY - sent;
    assertTrue(
        waited >= SECONDS.toNanos(15) && waited < SECONDS.toNanos(15) + MILLISECONDS.toNanos(334));
  }

  @Test
  void persistentKeepaliveIsSentAtOnceAndThenOnTime() {
    alice.apply(Updates.keepalive(bob.publicKey, 25));
    long start = network.now;
    network.settle();
    assertEquals(1, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(1, network.sentBy(alice, DataMessages.DATA).size());
    network.run(SECONDS.toNanos(100));
    List<Long> gaps =
        network.sentBy(alice, DataMessages.DATA).stream()
            .map(sent -> MILLISECONDS.convert(sent.at() - start, NANOSECONDS))
            .toList();
    assertEquals(List.of(3L, 25_003L, 50_003L, 75_003L, 100_003L), gaps);
  }

  @Test
  void anyTrafficPutsOffThePersistentKeepalive() {
    alice.apply(Updates.keepalive(bob.publicKey, 25));
    network.settle();
    network.seen.clear();
    for (int i = 0; i < 20; i++) {
      network.run(SECONDS.toNanos(5));
      network.send(bob, alice, i);
      network.run(SECONDS.toNanos(1));
      network.send(alice, bob, i);
    }
    assertTrue(
        network.sentBy(alice, DataMessages.DATA).stream()
            .allMatch(sent -> sent.bytes().length > KEEPALIVE_LENGTH));
  }

  @Test
  void persistentKeepaliveTurnedOffStops() {
    alice.apply(Updates.keepalive(bob.publicKey, 5));
    network.run(SECONDS.toNanos(11));
    alice.apply(Updates.keepalive(bob.publicKey, 0));
    network.settle();
    network.seen.clear();
    network.run(SECONDS.toNanos(60));
    assertEquals(List.of(), network.seen);
  }

  @Test
  void persistentKeepaliveKeepsTheTunnelForHours() {
    alice.apply(Updates.keepalive(bob.publicKey, 25));
    for (int minute = 0; minute < 180; minute++) {
      network.run(SECONDS.toNanos(60));
      network.send(bob, alice, minute);
      network.run(SECONDS.toNanos(1));
      assertEquals(minute + 1, alice.delivered.size());
    }
    assertEquals(0, alice.drops(DropReason.EXPIRED) + bob.drops(DropReason.EXPIRED));
  }

  @Test
  void spuriousAdvanceDoesNothing() {
    establish();
    for (int i = 0; i < 1000; i++) {
      alice.engine.advance(network.now, network.wall(alice));
      assertEquals(false, alice.engine.pollTransmit(alice.datagram, network.now));
    }
  }

  @Test
  void lanesAreToldOfWorkAtOnceAndOfTimersInTime() {
    assertEquals(Long.MAX_VALUE, alice.engine.nextDeadlineNanos());
    alice.seal(bob, network.now, 1);
    assertEquals(Long.MIN_VALUE, alice.engine.nextDeadlineNanos());
    network.run(0);
    long deadline = alice.engine.nextDeadlineNanos();
    assertTrue(deadline >= network.now + SECONDS.toNanos(5), "deadline " + deadline);
  }

  @Test
  void keepaliveArmedByALaneJustAsItWasTurnedOffIsForgotten() {
    establish();
    alice.peer(bob).timers().arm(Timer.PERSISTENT_KEEPALIVE, network.now);
    network.run(SECONDS.toNanos(1));
    assertEquals(List.of(), network.seen);
  }
}
