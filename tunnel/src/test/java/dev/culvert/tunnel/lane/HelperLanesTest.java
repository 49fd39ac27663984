// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.port.ReceiveBatch;
import dev.culvert.tunnel.train.Train;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lanes with helpers, through real sockets on the loopback interface. */
final class HelperLanesTest {
  private static final AeadBackend BACKEND = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
  private static final int PEERS = 3;
  private static final int HUB = 100;
  private static final int HELPERS = 3;
  private static final int ROUNDS = 30;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final List<LaneEnd> ends = new ArrayList<>();
  private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 64);
  private final Set<Thread> ciphering = ConcurrentHashMap.newKeySet();

  @AfterEach
  void closeAll() {
    ends.forEach(LaneEnd::close);
  }

  private LaneEnd end(int number, int helpers, UnaryOperator<DataPath> around) throws IOException {
    LaneEnd end = new LaneEnd(number, false, helpers, BACKEND, around);
    ends.add(end);
    return end;
  }

  private List<LaneEnd> leavesOf(LaneEnd hub, int helpers, UnaryOperator<DataPath> around)
      throws IOException {
    List<LaneEnd> leaves = new ArrayList<>();
    for (int i = 0; i < PEERS; i++) {
      LaneEnd leaf = end(i, helpers, around);
      hub.connect(leaf);
      leaves.add(leaf);
    }
    return leaves;
  }

  /** Every thread takes its own time for each train, so that they end in any order. */
  private UnaryOperator<DataPath> delaying(long seed) {
    AtomicInteger paths = new AtomicInteger();
    return path -> {
      Random random = new Random(seed + paths.getAndIncrement());
      return new HookedPath(
          path,
          () -> {
            ciphering.add(Thread.currentThread());
            LockSupport.parkNanos(random.nextInt(200_000));
          });
    };
  }

  /** The packets that the lane writes, until there are {@code expected}. */
  private List<byte[]> receive(LaneEnd end, int expected) throws IOException {
    List<byte[]> packets = new ArrayList<>();
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while (packets.size() < expected && System.nanoTime() < giveUp) {
      end.lane.onUdp(end.socket);
      for (int length = end.tun.take(buffer); length > 0; length = end.tun.take(buffer)) {
        packets.add(buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE));
      }
    }
    assertEquals(expected, packets.size(), () -> "packets delivered; dropped: " + end.drops());
    return packets;
  }

  private static void assertInOrder(List<byte[]> packets, Map<Integer, Integer> nextOfSender) {
    for (byte[] packet : packets) {
      int expected = nextOfSender.merge(NumberedPackets.sender(packet), 1, Integer::sum) - 1;
      assertEquals(expected, NumberedPackets.number(packet));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void packetsArriveInTheOrderInWhichTheyWereSentWhoeverCiphersThem(long seed) throws Exception {
    Random random = new Random(seed);
    LaneEnd hub = end(HUB, HELPERS, delaying(seed));
    List<LaneEnd> leaves = leavesOf(hub, HELPERS, delaying(seed));
    int[] sent = new int[PEERS];
    int[] answered = new int[PEERS];
    List<Map<Integer, Integer>> nextAtLeaf = new ArrayList<>();
    Map<Integer, Integer> nextAtHub = new HashMap<>();
    leaves.forEach(leaf -> nextAtLeaf.add(new HashMap<>()));
    for (int round = 0; round < ROUNDS; round++) {
      int[] now = new int[PEERS];
      for (int i = 0; i < 7; i++) {
        int to = random.nextInt(PEERS);
        int packets = 1 + random.nextInt(64);
        hub.feed(NumberedPackets.superPacket(HUB, to, sent[to] + now[to], packets));
        now[to] += packets;
      }
      hub.lane.onTun();
      int answers = 0;
      for (int i = 0; i < PEERS; i++) {
        assertInOrder(receive(leaves.get(i), now[i]), nextAtLeaf.get(i));
        sent[i] += now[i];
        for (int n = 0; n < 3; n++) {
          leaves.get(i).feed(NumberedPackets.superPacket(i, HUB, answered[i], 50));
          answered[i] += 50;
          answers += 50;
        }
        leaves.get(i).lane.onTun();
      }
      assertInOrder(receive(hub, answers), nextAtHub);
    }
    assertTrue(ciphering.size() > 2, "helpers took part");
    ends.forEach(end -> assertEquals(Map.of(), end.drops()));
  }

  @Test
  void countersAreInTheOrderOfTheWire() throws Exception {
    LaneEnd hub = end(HUB, HELPERS, delaying(4));
    List<LaneEnd> leaves = leavesOf(hub, 0, path -> path);
    ReceiveBatch batch = new ReceiveBatch(8, Arena.ofAuto());
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < 9; i++) {
        hub.feed(NumberedPackets.superPacket(HUB, i % PEERS, i, 60));
      }
      hub.lane.onTun();
      for (LaneEnd leaf : leaves) {
        List<Long> counters = countersOnTheWire(leaf, batch, 180);
        for (int i = 1; i < counters.size(); i++) {
          assertEquals(counters.get(0) + i, counters.get(i));
        }
      }
    }
  }

  /** The counters of the next datagrams, which hold nothing in clear. */
  private static List<Long> countersOnTheWire(LaneEnd end, ReceiveBatch batch, int expected)
      throws IOException {
    List<Long> counters = new ArrayList<>();
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while (counters.size() < expected && System.nanoTime() < giveUp) {
      int messages = end.socket.receive(batch);
      for (int i = 0; i < messages; i++) {
        for (int at = 0; at < batch.length(i); at += batch.segmentSize(i)) {
          counters.add(batch.memory().get(LONG, batch.offset(i) + at + 8));
        }
        byte[] bytes =
            batch.memory().asSlice(batch.offset(i), batch.length(i)).toArray(ValueLayout.JAVA_BYTE);
        assertEquals(-1, indexOf(bytes, NumberedPackets.MARKER), "plaintext on the wire");
      }
    }
    assertEquals(expected, counters.size());
    return counters;
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      int same = 0;
      while (same < part.length && bytes[i + same] == part[same]) {
        same++;
      }
      if (same == part.length) {
        return i;
      }
    }
    return -1;
  }

  @Test
  void aTrainWhoseSealingFailsIsLostAloneAndNeverLeaves() throws Exception {
    AtomicInteger trains = new AtomicInteger();
    UnaryOperator<DataPath> failing =
        path -> new HookedPath(path, () -> failEveryThird(trains.incrementAndGet()));
    LaneEnd hub = end(HUB, HELPERS, failing);
    LaneEnd leaf = leavesOf(hub, 0, path -> path).getFirst();
    ReceiveBatch batch = new ReceiveBatch(8, Arena.ofAuto());
    for (int round = 1; round <= ROUNDS; round++) {
      for (int i = 0; i < 6; i++) {
        hub.feed(NumberedPackets.superPacket(HUB, 0, i, 64));
      }
      hub.lane.onTun();
      countersOnTheWire(leaf, batch, 4 * 64);
      assertEquals(Map.of(DropReason.INTERNAL_ERROR, round * 2L * 64), hub.drops());
    }
    assertEquals(ROUNDS * 4L * 64, hub.lane.counters().of(LaneCounter.PACKETS_SENT));
  }

  @Test
  void aTrainWhoseOpeningFailsIsLostAlone() throws Exception {
    AtomicInteger trains = new AtomicInteger();
    LaneEnd hub = end(HUB, 0, path -> path);
    LaneEnd leaf =
        leavesOf(
                hub,
                HELPERS,
                path -> new HookedPath(path, () -> failEveryThird(trains.incrementAndGet())))
            .getFirst();
    for (int i = 0; i < 6; i++) {
      hub.feed(NumberedPackets.superPacket(HUB, 0, i * 64, 64));
    }
    hub.lane.onTun();
    List<byte[]> packets = receive(leaf, 4 * 64);
    for (int i = 1; i < packets.size(); i++) {
      assertTrue(
          NumberedPackets.number(packets.get(i)) > NumberedPackets.number(packets.get(i - 1)));
    }
    assertEquals(Map.of(DropReason.INTERNAL_ERROR, 2L * 64), leaf.drops());
  }

  /** As when there is no memory left: then nothing can be said of it either. */
  private static final class Unspeakable extends Error {
    private static final long serialVersionUID = 1L;

    @Override
    public String getMessage() {
      throw new OutOfMemoryError("meant by the test");
    }
  }

  @Test
  void aTrainWhoseFailureCannotEvenBeLoggedNeverLeaves() throws Exception {
    Thread lane = Thread.currentThread();
    AtomicInteger failed = new AtomicInteger();
    LaneEnd hub =
        end(
            HUB,
            HELPERS,
            path ->
                new HookedPath(
                    path,
                    () -> {
                      if (Thread.currentThread() != lane) {
                        failed.incrementAndGet();
                        throw new Unspeakable();
                      }
                      LockSupport.parkNanos(1_000_000);
                    }));
    LaneEnd leaf = leavesOf(hub, 0, path -> path).getFirst();
    ReceiveBatch batch = new ReceiveBatch(8, Arena.ofAuto());
    int sealed = 0;
    for (int round = 1; round <= ROUNDS && failed.get() < HELPERS; round++) {
      for (int i = 0; i < 6; i++) {
        hub.feed(NumberedPackets.superPacket(HUB, 0, i, 64));
      }
      try {
        hub.lane.onTun();
      } catch (Unspeakable | OutOfMemoryError meant) {
        // The lane's own, when it tries to log.
      }
      countersOnTheWire(
          leaf, batch, (int) hub.lane.counters().of(LaneCounter.PACKETS_SENT) - sealed);
      sealed = (int) hub.lane.counters().of(LaneCounter.PACKETS_SENT);
    }
    assertTrue(failed.get() > 0, "helpers took part");
  }

  private static void failEveryThird(int train) {
    if (train % 3 == 0) {
      throw new IllegalStateException("meant by the test");
    }
  }

  @Test
  void deliversWhatALaneWithoutHelpersDelivers() throws Exception {
    List<byte[]> alone = deliveredWith(0);
    List<byte[]> helped = deliveredWith(HELPERS);
    assertEquals(alone.size(), helped.size());
    for (int i = 0; i < alone.size(); i++) {
      assertArrayEquals(alone.get(i), helped.get(i));
    }
  }

  private List<byte[]> deliveredWith(int helpers) throws IOException {
    LaneEnd hub = end(HUB, helpers, delaying(5));
    LaneEnd leaf = end(0, helpers, delaying(6));
    hub.connect(leaf);
    Random random = new Random(7);
    List<byte[]> delivered = new ArrayList<>();
    int sent = 0;
    for (int round = 0; round < ROUNDS; round++) {
      int now = 0;
      for (int i = 0; i < 6; i++) {
        int packets = 1 + random.nextInt(64);
        hub.feed(NumberedPackets.superPacket(HUB, 0, sent + now, packets));
        now += packets;
      }
      hub.lane.onTun();
      delivered.addAll(receive(leaf, now));
      sent += now;
    }
    return delivered;
  }

  @Test
  void aLaneGoesOnWhenItsHelpersEnd() throws Exception {
    LaneEnd hub = end(HUB, HELPERS, delaying(8));
    LaneEnd leaf = end(0, HELPERS, delaying(9));
    hub.connect(leaf);
    Map<Integer, Integer> next = new HashMap<>();
    Thread closer = Thread.ofPlatform().unstarted(hub.helpers::close);
    for (int round = 0; round < ROUNDS; round++) {
      if (round == ROUNDS / 2) {
        closer.start();
      }
      for (int i = 0; i < 6; i++) {
        hub.feed(NumberedPackets.superPacket(HUB, 0, (round * 6 + i) * 64, 64));
      }
      hub.lane.onTun();
      assertInOrder(receive(leaf, 6 * 64), next);
    }
    closer.join();
    leaf.helpers.close();
    for (Thread thread : ciphering) {
      assertFalse(thread != Thread.currentThread() && thread.isAlive(), thread + " has ended");
    }
  }

  @Test
  void aBatchThatFailsLeavesNothingToHelpers() throws Exception {
    LaneEnd hub = end(HUB, 0, path -> path);
    Thread lane = Thread.currentThread();
    AtomicInteger paths = new AtomicInteger();
    AtomicInteger opening = new AtomicInteger();
    LaneEnd leaf =
        end(
            0,
            HELPERS,
            path -> {
              long nanos = 100_000_000L * paths.incrementAndGet();
              return new HookedPath(
                  path,
                  () -> {
                    if (Thread.currentThread() != lane) {
                      opening.incrementAndGet();
                      LockSupport.parkNanos(nanos);
                      opening.decrementAndGet();
                    }
                  });
            });
    hub.connect(leaf);
    for (int i = 0; i < 6; i++) {
      hub.feed(NumberedPackets.superPacket(HUB, 0, i * 64, 64));
    }
    hub.lane.onTun();
    leaf.tun.close();
    assertThrows(UncheckedIOException.class, () -> receive(leaf, 6 * 64));
    leaf.lane.close();
    assertEquals(0, opening.get(), "helpers still at the lane's memory");
  }

  @Test
  void aHelperThatDoesNotEndIsToldOf() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    CountDownLatch stuck = new CountDownLatch(1);
    Thread lane = Thread.currentThread();
    LaneEnd of = end(HUB, 0, path -> path);
    UnaryOperator<DataPath> hanging =
        path ->
            new HookedPath(
                path,
                () -> {
                  if (Thread.currentThread() != lane) {
                    stuck.countDown();
                    awaitUninterruptibly(release);
                  }
                });
    HelperLanes helpers =
        new HelperLanes(
            "hangs",
            1,
            () -> hanging.apply(of.engine.newDataPath()),
            died -> {},
            Duration.ofMillis(100));
    TrainRing ring = helpers.newRing(of.engine.newDataPath());
    helpers.start();
    Train train = new Train();
    train.received(buffer, 0, 64, 1, 64);
    ring.offerToOpen(train, 0, 1, Endpoint.of(IpAddress.parse("192.0.2.1"), 1), 0);
    helpers.wakeOne();
    assertTrue(stuck.await(10, TimeUnit.SECONDS));
    assertThrows(IllegalStateException.class, helpers::close);
    assertFalse(helpers.hasEnded());
    release.countDown();
    helpers.close();
    assertTrue(helpers.hasEnded());
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
