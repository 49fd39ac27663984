// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeDrop.BAD_MAC;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole engines whose peers' addresses are forged, 10,000 messages per second. */
final class ForgeryTest {
  private static final int MARKER = 4;
  private static final int TYPE = MARKER + 4;
  private static final int EPOCH = MARKER + 12;
  private static final int A_SECOND = 10_000;

  private final Random random = new Random(7);
  private GlobalStation alice = new GlobalStation("alice", 1, true);
  private GlobalStation bob = new GlobalStation("bob", 2, true);
  private SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
  private int lives;
  private int flooded;

  /** The messages of the attacker. */
  private enum Flood {
    /** Well-formed messages of all four types, whose MAC is random. */
    FORGED,
    /** Messages that tell of ranges, whose MAC is random. */
    FORGED_RANGES,
    /** All that was recorded of the peer, again and again. */
    RECORDED,
    /** Random bytes. */
    GARBAGE
  }

  private static boolean isFrom(Sent sent, GlobalStation station) {
    return sent.from().isSamePlace(station.address);
  }

  private List<byte[]> said(GlobalStation by, int type) {
    return network.seen.stream()
        .filter(sent -> isFrom(sent, by) && isMessage(sent.bytes()) && sent.bytes()[TYPE] == type)
        .map(Sent::bytes)
        .toList();
  }

  private static boolean isMessage(byte[] bytes) {
    return bytes.length > TYPE && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0;
  }

  /** As after kill -9: nothing of the old process is left. */
  private void restart(boolean lower) {
    GlobalStation old = lower ? alice : bob;
    GlobalStation reborn =
        new GlobalStation(old.name, lower ? 1 : 2, true, 1_000 + random.nextInt(1 << 20));
    SimulatedNetwork before = network;
    alice = lower ? reborn : alice;
    bob = lower ? bob : reborn;
    reborn.knows(lower ? bob : alice);
    network = new SimulatedNetwork(++lives, alice, bob);
    network.now = before.now;
    network.seen.addAll(before.seen);
  }

  private IntFunction<byte[]> messages(Flood flood, GlobalStation of) {
    List<byte[]> recorded =
        network.seen.stream()
            .filter(sent -> isFrom(sent, of) && isMessage(sent.bytes()))
            .map(Sent::bytes)
            .toList();
    return switch (flood) {
      case FORGED -> i -> forged(1 + i % 4);
      case FORGED_RANGES -> i -> header(5, random(MARKER + 100));
      case RECORDED -> i -> recorded.get(i % recorded.size());
      case GARBAGE -> i -> garbage();
    };
  }

  /** Well-formed, with epochs and a MAC that nobody made. */
  private byte[] forged(int type) {
    byte[] forged = header(type, random(MARKER + 76));
    System.arraycopy(new byte[] {3, 0, 0, 1 << 3, 0, 0}, 0, forged, TYPE + 2, 6);
    if (type == 1) {
      Arrays.fill(forged, EPOCH + 16, EPOCH + 32, (byte) 0);
    }
    return forged;
  }

  private static byte[] header(int type, byte[] message) {
    byte[] header = {0, 0, 0, 0, 'C', 'U', 'L', 1, (byte) type, 3, 0, 0};
    System.arraycopy(header, 0, message, 0, header.length);
    return message;
  }

  private byte[] garbage() {
    byte[] garbage = random(MARKER + 76);
    Arrays.fill(garbage, 0, MARKER, (byte) 0);
    return garbage;
  }

  private byte[] random(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Has a millisecond pass, in which both ends are flooded in the other's name. */
  private void flood(IntFunction<byte[]> asAlice, IntFunction<byte[]> asBob, Endpoint[] from) {
    for (int i = 0; i < A_SECOND / 1000; i++) {
      alice.receive(from[1], network.now, asBob.apply(flooded));
      bob.receive(from[0], network.now, asAlice.apply(flooded));
      flooded++;
    }
    network.run(MILLISECONDS.toNanos(1));
  }

  private boolean delivers(int number) {
    network.send(alice, bob, number);
    network.send(bob, alice, number);
    network.run(2 * SimulatedNetwork.LATENCY);
    return bob.deliveredNumbers().contains(number) && alice.deliveredNumbers().contains(number);
  }

  private static boolean sends(GlobalStation station) {
    return station.engine().securityAssociations(0).stream().anyMatch(SaStatus::outbound);
  }

  private void recordManyExchanges() {
    network.settle();
    for (int i = 0; i < 60; i++) {
      restart(i % 2 == 0);
      network.settle();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FORGED,true", "FORGED,false", "FORGED_RANGES,true", "FORGED_RANGES,false",
    "RECORDED,true", "RECORDED,false", "GARBAGE,true", "GARBAGE,false"
  })
  void aRestartedNodeHasKeysWithinFiveSeconds(Flood flood, boolean lower) {
    recordManyExchanges();
    IntFunction<byte[]> asAlice = messages(flood, alice);
    IntFunction<byte[]> asBob = messages(flood, bob);
    Endpoint[] from = {alice.address, bob.address};
    // Whatever is saved up before the restart is spent.
    for (int i = 0; i < 2_000; i++) {
      flood(asAlice, asBob, from);
    }
    restart(lower);
    network.lossRate = 0.1;
    int said = network.seen.size();
    GlobalStation reborn = lower ? alice : bob;
    long begin = network.now;
    while (!sends(reborn)) {
      assertTrue(network.now - begin <= SECONDS.toNanos(5), "no keys after 5 seconds");
      flood(asAlice, asBob, from);
    }
    network.lossRate = 0;
    assertTrue(delivers(1));
    assertEquals(0, alice.keying.drops(BAD_MAC) + bob.keying.drops(BAD_MAC), "came to the control");
    assertTrue(network.seen.size() - said < 1_000, "answers: " + (network.seen.size() - said));
  }

  @Test
  void strangersAndAFloodedPeerLeaveRoomInTheQueueForAnother() {
    GlobalStation carol = new GlobalStation("carol", 3, true);
    alice.knows(carol);
    // Just after a hello of its own to carol, alice would not answer.
    network.run(SECONDS.toNanos(20));
    int hellos = said(alice, 1).size();
    while (said(alice, 1).size() == hellos) {
      network.run(SECONDS.toNanos(1));
    }
    network.run(SECONDS.toNanos(2));
    byte[] recorded = said(bob, 2).getFirst();
    carol.knows(alice);
    long now = network.now;
    network = new SimulatedNetwork(1, alice, carol);
    network.now = now;
    List<byte[]> fromCarol = new ArrayList<>();
    network.lose = sent -> isFrom(sent, carol) && fromCarol.add(sent.bytes());
    network.run(0);
    // All this before the control thread gets its turn.
    Endpoint stranger = Endpoint.of(IpAddress.parse("203.0.113.9"), 4500);
    for (int i = 0; i < 3_000; i++) {
      alice.receive(stranger, network.now, forged(1));
      alice.receive(bob.address, network.now, recorded);
    }
    alice.receive(carol.address, network.now, fromCarol.getFirst());
    network.run(0);
    assertEquals(1, said(alice, 2).size(), "carol is answered");
    assertTrue(alice.drops(DropReason.QUEUE_FULL) > 1_000, "and bob's share is full");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void oneRecordedMessageIsAnsweredABoundedNumberOfTimes(int type) {
    network.settle();
    GlobalStation by = said(alice, type).isEmpty() ? bob : alice;
    GlobalStation victim = by == alice ? bob : alice;
    byte[] recorded = said(by, type).getFirst();
    int before = network.seen.size();
    for (int i = 0; i < 100_000; i++) {
      int port = i % 2 == 0 ? 4500 : 1024 + i % 60_000;
      victim.receive(Endpoint.of(by.address.address(), port), network.now, recorded);
      if (i % 10 == 0) {
        network.run(MILLISECONDS.toNanos(10));
      }
    }
    int answers = network.seen.size() - before;
    assertTrue(answers <= (type == 1 ? 2 * 45 : 2 * 22), "answers in 100 s: " + answers);
    assertTrue(delivers(1));
    network.run(SECONDS.toNanos(60));
    before = network.seen.size();
    victim.receive(by.address, network.now, recorded);
    network.run(MILLISECONDS.toNanos(10));
    assertEquals(type == 1 ? 1 : 0, network.seen.size() - before, "a minute later");
  }

  @Test
  void aHelloAgainstWhichAnotherWasReplayedIsStillConfirmed() {
    network.settle();
    recordManyExchanges();
    List<byte[]> recorded = said(bob, 1);
    alice.receive(bob.address, network.now, recorded.getFirst());
    network.run(MILLISECONDS.toNanos(9_998));
    restart(false);
    network.run(2 * SimulatedNetwork.LATENCY + 1);
    // The offer is renewed just while bob's confirmation is on its way.
    alice.receive(bob.address, network.now, recorded.getLast());
    network.run(MILLISECONDS.toNanos(10));
    assertTrue(sends(bob));
    assertTrue(delivers(1));
  }

  @Test
  void anEndThatSendsAndHearsNothingAuthenticBeginsByItself() {
    network.settle();
    assertTrue(delivers(1));
    restart(false);
    GlobalStation reborn = bob;
    network.lose = sent -> isFrom(sent, reborn) && sent.bytes()[TYPE] == 1;
    long begin = network.now;
    while (!sends(bob)) {
      assertTrue(network.now - begin <= SECONDS.toNanos(20), "no keys after 20 seconds");
      network.send(alice, bob, 2);
      network.run(MILLISECONDS.toNanos(500));
    }
    assertTrue(delivers(3));
  }

  @Test
  void aPeerThatOnlyReceivesIsNotDoubted() {
    network.settle();
    assertTrue(delivers(1));
    long messages = network.seen.stream().filter(sent -> isMessage(sent.bytes())).count();
    for (int second = 0; second < 300; second++) {
      network.send(alice, bob, 2 + second);
      network.run(SECONDS.toNanos(1));
    }
    assertEquals(
        messages,
        network.seen.stream().filter(sent -> isMessage(sent.bytes())).count(),
        "no exchange was needed");
    assertTrue(alice.drops(DropReason.DUMMY) >= 20, "since bob gives a sign of life");
  }

  @Test
  void aForgedMessageAllocatesNothing() {
    network.settle();
    Endpoint stranger = Endpoint.of(IpAddress.parse("203.0.113.9"), 4500);
    MemorySegment memory = Arena.ofAuto().allocate(1 << 12);
    List<Endpoint> from = List.of(bob.address, stranger, bob.address);
    List<byte[]> forged = List.of(forged(1), forged(3), header(5, random(MARKER + 100)));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = 0;
    for (int round = 0; round < 40_000; round++) {
      if (round == 20_000) {
        allocated = -threads.getCurrentThreadAllocatedBytes();
      }
      byte[] message = forged.get(round % 3);
      MemorySegment.copy(message, 0, memory, ValueLayout.JAVA_BYTE, 0, message.length);
      alice.train.received(memory, 0, message.length, 1, message.length);
      alice.path().open(alice.train, from.get(round % 3), network.now);
    }
    allocated += threads.getCurrentThreadAllocatedBytes();
    assertTrue(allocated < 20_000, "bytes for 20,000 messages: " + allocated);
    assertTrue(alice.drops(DropReason.BAD_HANDSHAKE) >= 40_000);
  }
}
