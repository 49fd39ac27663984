// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.testing.BackendWithCipher;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.Station;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two engines over the network of the WireGuard tests. */
final class EspNetworkTest {
  private final EspStation alice = new EspStation("alice", 1);
  private final EspStation bob = new EspStation("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  @Test
  void packetsWaitForTheKeyAndThenLeaveInOrder() {
    bob.receiveUnder(alice, bob.sa(alice, 1, true));
    alice.keying.offered.put("bob", alice.sa(bob, 1, true));
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1, 2));
    assertEquals(SealResult.STAGED, network.send(alice, bob, 3));
    network.settle();
    assertEquals(List.of(1, 2, 3), bob.deliveredNumbers());
    assertEquals(SealResult.SEALED, network.send(alice, bob, 4));
    network.settle();
    assertEquals(List.of(1, 2, 3, 4), bob.deliveredNumbers());
    assertEquals(List.of("bob"), alice.keying.wanted.stream().distinct().toList());
  }

  @ParameterizedTest(name = "inner IPv4 {0}, outer IPv4 {1}, ESN {2}")
  @CsvSource({
    "false,false,true",
    "false,false,false",
    "false,true,true",
    "true,false,true",
    "true,false,false"
  })
  void packetsPassBothWaysInEveryMixOfFamilies(boolean innerV4, boolean outerV4, boolean esn) {
    EspStation carol = new EspStation("carol", 3, innerV4, outerV4);
    EspStation dave = new EspStation("dave", 4, innerV4, outerV4);
    EspStation eve = new EspStation("eve", 5, innerV4, outerV4);
    SimulatedNetwork mixed = SimulatedNetwork.of(carol, dave);
    EspStation.join(carol, dave, esn, 1, 1);
    assertEquals(SealResult.SEALED, mixed.send(carol, dave, 1, 2, 3));
    assertEquals(SealResult.SEALED, mixed.send(dave, carol, 4));
    mixed.settle();
    assertEquals(List.of(1, 2, 3), dave.deliveredNumbers());
    assertEquals(List.of(4), carol.deliveredNumbers());
    assertArrayEquals(Station.packet(carol.inner, dave.inner, 1), dave.delivered.getFirst());
    // Neither who is behind the SA nor who is at its other end may be anybody else.
    byte[] foreign = Station.packet(eve.inner, dave.inner, 5);
    carol.sealPackets(carol.peer(dave), mixed.now, foreign);
    byte[] strange = Station.packet(carol.inner, eve.inner, 6);
    carol.sealPackets(carol.peer(dave), mixed.now, strange);
    carol.outbox.forEach(datagram -> dave.receive(carol.address, mixed.now, datagram));
    carol.outbox.clear();
    carol.seal(dave, mixed.now, 7);
    dave.receive(eve.address, mixed.now, carol.outbox.getFirst());
    assertEquals(
        Map.of(
            DropReason.SOURCE_NOT_ALLOWED,
            1L,
            DropReason.DESTINATION_NOT_ALLOWED,
            1L,
            DropReason.UNKNOWN_SA,
            1L),
        dave.drops());
    dave.receive(carol.address, mixed.now, carol.outbox.getFirst());
    assertEquals(List.of(1, 2, 3, 7), dave.deliveredNumbers());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void lossReorderingDuplicationAndCorruptionCostPacketsButNothingElse(long seed) {
    boolean esn = seed % 2 == 0;
    long first = esn ? (1L << 32) - 500 : 1;
    EspStation.join(alice, bob, esn, seed, first);
    SimulatedNetwork hostile = new SimulatedNetwork(seed, alice, bob);
    hostile.lossRate = 0.2;
    hostile.duplicateRate = 0.1;
    hostile.corruptRate = 0.05;
    hostile.maxDelay = MILLISECONDS.toNanos(400);
    Random random = new Random(seed);
    int sent = 0;
    for (int step = 0; step < 500; step++) {
      hostile.run(MILLISECONDS.toNanos(random.nextInt(50)));
      int[] numbers = new int[1 + random.nextInt(5)];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = sent++;
      }
      hostile.send(alice, bob, numbers);
    }
    hostile.lossRate = hostile.duplicateRate = hostile.corruptRate = 0;
    hostile.send(alice, bob, sent++);
    hostile.settle();
    List<Integer> numbers = bob.deliveredNumbers();
    assertEquals(numbers.size(), new HashSet<>(numbers).size(), "delivered twice");
    for (byte[] packet : bob.delivered) {
      int number = ByteBuffer.wrap(packet).getInt(packet.length - 4);
      assertArrayEquals(Station.packet(alice.inner, bob.inner, number), packet);
    }
    assertTrue(numbers.contains(sent - 1), "the last packet, sent in peace, is missing");
    assertTrue(numbers.size() > sent * 0.7, numbers.size() + " of " + sent);
    Set<Long> ivs = new HashSet<>();
    hostile.seen.forEach(s -> assertTrue(ivs.add(ByteBuffer.wrap(s.bytes()).getLong(8))));
  }

  /** Says that everything is authentic, and leaves it as it is. */
  private static final class NoCipher implements TrainCipher {
    @Override
    public void seal(AeadKey key, PacketRun run) {}

    @Override
    public long open(AeadKey key, PacketRun run) {
      return run.allPackets();
    }

    @Override
    public void forgetKeys() {}
  }

  @Test
  void steadyStateAllocatesNothing() {
    BackendWithCipher backend = new BackendWithCipher(NoCipher::new);
    EspStation from = new EspStation("from", 3, backend);
    EspStation to = new EspStation("to", 4, backend);
    from.knows(to);
    to.knows(from);
    EspStation.join(from, to, true, 1, 1);
    // A second key of the same SPI: the case that needs the copy.
    to.receiveUnder(from, to.sa(from, 3, true));
    byte[] packet = Station.packet(from.inner, to.inner, 1);
    EspPeer peer = from.peer(to);
    Train train = from.train;
    Train run = new Train();
    Train slice = new Train();
    MemorySegment memory = from.buffer;
    MemorySegment source = MemorySegment.ofArray(packet);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    int delivered = 0;
    for (int round = 0; round < 10; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 200; i++) {
        train.startAt(memory, 0, EspFraming.HEADER);
        for (int p = 0; p < 64; p++) {
          long at = train.add(packet.length, EspOverhead.INSTANCE.sealedLength(packet.length, 0));
          MemorySegment.copy(
              source, ValueLayout.JAVA_BYTE, 0, memory, ValueLayout.JAVA_BYTE, at, packet.length);
        }
        from.path.seal(peer, train, 0);
        run.received(memory, 0, train.stride(), 64, train.stride());
        slice.slice(run, 0, to.path.runLength(run, 0));
        delivered += to.path.open(slice, from.address, 0);
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(0, least);
    assertEquals(10 * 200 * 64, delivered);
  }
}
