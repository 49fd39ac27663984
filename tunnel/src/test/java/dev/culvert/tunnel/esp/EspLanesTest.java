// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.testing.BackendWithCipher;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Several lanes at once over the SAs of one engine. */
final class EspLanesTest {
  private static final int LANES = 4;

  /**
   * Leaves packets as they are, and finds every ICV right: the tests are about which lane gets
   * which packet.
   */
  private record NoCipher(Runnable beforeTheWindow) implements TrainCipher {
    @Override
    public void seal(AeadKey key, PacketRun run) {}

    @Override
    public long open(AeadKey key, PacketRun run) {
      beforeTheWindow.run();
      return run.allPackets();
    }

    @Override
    public void forgetKeys() {}
  }

  /**
   * Lets two lanes go on at the same moment, to the instruction nearly: they are both past the test
   * of the window, and set it next.
   */
  private static final class Together implements Runnable {
    private final AtomicInteger arrived = new AtomicInteger();

    @Override
    public void run() {
      int goal = (arrived.incrementAndGet() + 1) / 2 * 2;
      for (int spins = 0; arrived.get() < goal; spins++) {
        if (spins % 1000 == 999) {
          LockSupport.parkNanos(1000);
        } else {
          Thread.onSpinWait();
        }
      }
    }
  }

  private final EspStation alice = station("alice", 1, () -> {});
  private final EspStation bob = station("bob", 2, new Together());

  private static EspStation station(String name, int number, Runnable beforeTheWindow) {
    return new EspStation(name, number, new BackendWithCipher(() -> new NoCipher(beforeTheWindow)));
  }

  private static <T> List<T> onLanes(int lanes, Callable<T> task) throws Exception {
    try (ExecutorService executor = Executors.newFixedThreadPool(lanes)) {
      List<Future<T>> running = new ArrayList<>();
      for (int i = 0; i < lanes; i++) {
        running.add(executor.submit(task));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : running) {
        results.add(future.get());
      }
      return results;
    }
  }

  private static void layOut(MemorySegment memory, Train train, byte[] packet, int packets) {
    train.startAt(memory, 0, EspFraming.HEADER);
    for (int i = 0; i < packets; i++) {
      long at = train.add(packet.length, EspOverhead.INSTANCE.sealedLength(packet.length, 0));
      MemorySegment.copy(packet, 0, memory, ValueLayout.JAVA_BYTE, at, packet.length);
    }
  }

  /** Packets of one lane on the wire: sequence numbers, each once, under the one SPI. */
  private BitSet sealAll(CyclicBarrier start, int limit) throws Exception {
    DataPath path = alice.engine.newDataPath();
    EspPeer peer = alice.peer(bob);
    byte[] packet = EspStation.packet(alice.inner, bob.inner, 0);
    MemorySegment memory = Arena.ofAuto().allocate(1 << 16);
    Train train = new Train();
    BitSet mine = new BitSet(limit);
    start.await();
    for (int i = 0; ; i++) {
      layOut(memory, train, packet, 1 + i % 3);
      if (path.seal(peer, train, 0) != SealResult.SEALED) {
        return mine;
      }
      for (int p = 0; p < train.packets(); p++) {
        long at = train.slot(p);
        assertEquals(EspStation.SPI, memory.get(EspFraming.INT, at + EspFraming.SPI));
        long sequence = memory.get(EspFraming.LONG, at + EspFraming.IV);
        assertEquals((int) sequence, memory.get(EspFraming.INT, at + EspFraming.SEQUENCE));
        assertTrue(sequence > 0 && sequence < limit, "sequence number " + sequence);
        assertTrue(!mine.get((int) sequence), "a lane got one number twice");
        mine.set((int) sequence);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void noSequenceNumberOfAnSaIsSentTwice(boolean esn) throws Exception {
    int limit = 300_001;
    alice.knows(bob);
    SaParameters whole = alice.sa(bob, 1, esn);
    alice.sendUnder(
        bob,
        new SaParameters(
            whole.spi(),
            whole.algorithm(),
            whole.key(),
            whole.salt(),
            esn,
            1,
            limit,
            limit,
            whole.selectors()));
    CyclicBarrier start = new CyclicBarrier(LANES);
    List<BitSet> taken = onLanes(LANES, () -> sealAll(start, limit));
    BitSet all = new BitSet(limit);
    int sum = 0;
    for (BitSet mine : taken) {
      all.or(mine);
      sum += mine.cardinality();
    }
    assertEquals(sum, all.cardinality(), "one sequence number, two lanes");
    // A lane that wants three ends while one or two are left.
    assertTrue(sum >= limit - 1 - 2, "used " + sum);
    assertEquals(sum, alice.engine.securityAssociations(0).getFirst().packets());
  }

  /** Datagrams of numbers 1 and up, as they lie in a capture. */
  private byte[][] sealed(int count) {
    List<byte[]> all = new ArrayList<>();
    for (int first = 0; first < count; first += Train.MAX_PACKETS) {
      assertEquals(
          SealResult.SEALED,
          alice.seal(
              bob,
              0,
              IntStream.range(first, Math.min(count, first + Train.MAX_PACKETS)).toArray()));
      all.addAll(alice.outbox);
      alice.outbox.clear();
    }
    return all.toArray(byte[][]::new);
  }

  /**
   * Opens all of {@code datagrams} in runs of random length, each at the same moment as the other
   * lane; the numbers that were delivered.
   */
  private List<Integer> openAll(byte[][] datagrams, long seed) {
    DataPath path = bob.engine.newDataPath();
    MemorySegment memory = Arena.ofAuto().allocate(1 << 16);
    Train received = new Train();
    Train run = new Train();
    Random random = new Random(seed);
    List<Integer> numbers = new ArrayList<>();
    int stride = datagrams[0].length;
    for (int first = 0; first < datagrams.length; ) {
      int count = Math.min(datagrams.length - first, 1 + random.nextInt(Train.MAX_PACKETS));
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(
            datagrams[first + i], 0, memory, ValueLayout.JAVA_BYTE, (long) i * stride, stride);
      }
      received.received(memory, 0, stride, count, stride);
      run.slice(received, 0, path.runLength(received, 0));
      assertEquals(count, run.packets(), "all of one SA and in a row");
      path.open(run, alice.address, 0);
      for (int i = 0; i < count; i++) {
        if (run.length(i) > 0) {
          byte[] packet =
              memory.asSlice(run.inner(i), run.length(i)).toArray(ValueLayout.JAVA_BYTE);
          numbers.add(ByteBuffer.wrap(packet).getInt(packet.length - 4));
        }
      }
      first += count;
    }
    assertEquals(
        datagrams.length,
        numbers.size() + path.drops().of(DropReason.REPLAYED),
        "counted or there");
    return numbers;
  }

  @Test
  void everyPacketIsDeliveredByOneLaneThoughTwoLanesGetItAtOnce() throws Exception {
    alice.knows(bob);
    bob.knows(alice);
    EspStation.join(alice, bob, true, 1, 1);
    // No more than the window, else a lane that is behind takes old packets for replays.
    for (int round = 0; round < 20; round++) {
      byte[][] datagrams = sealed(8000);
      long seed = round;
      List<Integer> numbers = new ArrayList<>();
      onLanes(2, () -> openAll(datagrams, seed)).forEach(numbers::addAll);
      assertEquals(datagrams.length, numbers.size());
      assertEquals(datagrams.length, numbers.stream().distinct().count());
    }
  }
}
