// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.SessionAge;
import dev.culvert.tunnel.noise.TransportKeys;
import dev.culvert.tunnel.testing.BackendWithCipher;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Several lanes at once over the same sessions. */
final class LanesTest {
  private static final int LANES = 4;

  /** Counters that one seal call used. */
  private record Used(long first, int packets) {}

  /** Does nothing, finds every tag right, and may note the counters. */
  private record NullCipher(ConcurrentLinkedQueue<Used> used, boolean noting)
      implements TrainCipher {
    @Override
    public void seal(AeadKey key, PacketRun run) {
      if (noting) {
        used.add(new Used(run.firstCounter(), run.packets()));
      }
    }

    @Override
    public long open(AeadKey key, PacketRun run) {
      return run.allPackets();
    }

    @Override
    public void forgetKeys() {}
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

  private static Train layOut(Node from, Node to, MemorySegment memory, Train train, int packets) {
    train.startAt(memory, 0, DataMessages.DATA_HEADER);
    byte[] packet = Node.packet(from.inner, to.inner, 0);
    int sealedLength = from.engine.overhead().sealedLength(packet.length, from.engine.mtu());
    for (int i = 0; i < packets; i++) {
      long at = train.add(packet.length, sealedLength);
      MemorySegment.copy(packet, 0, memory, ValueLayout.JAVA_BYTE, at, packet.length);
    }
    return train;
  }

  /** Two nodes with a session, and a train of alice's that has its counters. */
  private static Train reserve(Node alice, Node bob, int packets) {
    SimulatedNetwork network = new SimulatedNetwork(1, alice, bob);
    alice.knows(bob);
    bob.knows(alice);
    alice.seal(bob, network.now, 0);
    connect(network, alice, bob);
    bob.delivered.clear();
    Train train = layOut(alice, bob, alice.buffer, alice.train, packets);
    assertEquals(SealResult.SEALED, alice.path.reserve(alice.peer(bob), train, network.now));
    return train;
  }

  @Test
  void noSecondCallCanEncipherUnderTheSameCounters() {
    Node alice = new Node("alice", 1);
    Train train = reserve(alice, new Node("bob", 2), 3);
    DataPath helper = alice.engine.newDataPath();
    helper.encipher(train);
    assertThrows(IllegalStateException.class, () -> helper.encipher(train));
    assertThrows(IllegalStateException.class, () -> alice.path.encipher(train));
  }

  @Test
  void reservedTrainIsEncipheredUnderItsSessionThoughThatIsClosedMeanwhile() {
    Node alice = new Node("alice", 1);
    Node bob = new Node("bob", 2);
    Train train = reserve(alice, bob, 1);
    alice.remove(bob);
    alice.engine.newDataPath().encipher(train);
    byte[] datagram =
        alice.buffer.asSlice(train.slot(0), train.sealedBytes()).toArray(ValueLayout.JAVA_BYTE);
    bob.receive(alice.address, Long.MIN_VALUE / 2, datagram);
    assertEquals(List.of(0), bob.deliveredNumbers());
  }

  @Test
  void lanesThatReserveAtTheSameMomentGetDifferentCounters() throws Exception {
    Node alice = new Node("alice", 1);
    Node bob = new Node("bob", 2);
    alice.knows(bob);
    int limit = 4_000_000;
    Session session = session(alice, bob, 1, limit);
    CyclicBarrier start = new CyclicBarrier(LANES);
    List<BitSet> taken =
        onLanes(
            LANES,
            () -> {
              BitSet mine = new BitSet(limit);
              start.await();
              for (int i = 0; ; i++) {
                int packets = 1 + i % 3;
                long first = session.reserve(packets);
                if (first == Session.SPENT) {
                  return mine;
                }
                mine.set((int) first, (int) first + packets);
              }
            });
    BitSet all = new BitSet(limit);
    int sum = 0;
    for (BitSet mine : taken) {
      assertFalse(all.intersects(mine), "one counter, two lanes");
      all.or(mine);
      sum += mine.cardinality();
    }
    assertTrue(sum > limit - 3 && all.length() <= limit, "used " + sum);
  }

  @Test
  void noCounterIsUsedTwiceNorPastTheLimit() throws Exception {
    int limit = 150_000;
    ConcurrentLinkedQueue<Used> used = new ConcurrentLinkedQueue<>();
    Node alice =
        new Node(
            "alice",
            1,
            new Limits(DataMessages.REKEY_AFTER_MESSAGES, limit),
            new BackendWithCipher(() -> new NullCipher(used, true)));
    Node bob =
        new Node("bob", 2, Limits.OF_THE_PAPER, new BackendWithCipher(LanesTest::nullCipher));
    alice.knows(bob);
    alice.peer(bob).sessions().initiated(session(alice, bob, 1, limit));
    WireGuardPeer peer = alice.peer(bob);
    List<Long> sealed =
        onLanes(
            LANES,
            () -> {
              var path = alice.engine.newDataPath();
              MemorySegment memory = Arena.ofAuto().allocate(1 << 16);
              Train train = new Train();
              Random random = new Random(Thread.currentThread().threadId());
              long count = 0;
              while (true) {
                int packets = 1 + random.nextInt(Train.MAX_PACKETS);
                layOut(alice, bob, memory, train, packets);
                if (path.seal(peer, train, Long.MIN_VALUE / 2) != SealResult.SEALED) {
                  return count;
                }
                count += packets;
              }
            });
    long next = 0;
    List<Used> inOrder = used.stream().sorted(Comparator.comparingLong(Used::first)).toList();
    for (Used one : inOrder) {
      assertEquals(next, one.first());
      next += one.packets();
    }
    assertEquals(next, sealed.stream().mapToLong(Long::longValue).sum());
    assertTrue(next <= limit && next > limit - Train.MAX_PACKETS * LANES, "used " + next);
  }

  private static TrainCipher nullCipher() {
    return new NullCipher(new ConcurrentLinkedQueue<>(), false);
  }

  private static byte[] key(int number) {
    byte[] key = new byte[Messages.KEY_LENGTH];
    Arrays.fill(key, (byte) (1 + number % 127));
    return key;
  }

  private static Session session(Node of, Node to, int number, long limit) {
    return new Session(
        of.peer(to),
        new TransportKeys(
            new SessionAge(true, Long.MIN_VALUE / 2), number, number, key(number), key(number)),
        new Limits(DataMessages.REKEY_AFTER_MESSAGES, limit));
  }

  @Test
  void lanesNeverSealUnderAKeyThatIsBeingWiped() throws Exception {
    Node alice = new Node("alice", 1);
    Node bob = new Node("bob", 2);
    alice.knows(bob);
    WireGuardPeer peer = alice.peer(bob);
    ConcurrentHashMap<Integer, Boolean> sealedUnder = new ConcurrentHashMap<>();
    List<Integer> wrong;
    try (ExecutorService lanes = Executors.newFixedThreadPool(LANES)) {
      List<Future<Integer>> running = new ArrayList<>();
      for (int i = 0; i < LANES; i++) {
        running.add(lanes.submit(() -> sealUntilRetired(alice, bob, peer, sealedUnder)));
      }
      for (int i = 0; sealedUnder.size() < 500 && running.stream().noneMatch(Future::isDone); i++) {
        peer.sessions().initiated(session(alice, bob, i, 1 << 20));
        int before = sealedUnder.size();
        for (int spin = 0; sealedUnder.size() == before && spin < 100_000; spin++) {
          Thread.onSpinWait();
        }
        // A lane has just sealed under it and is likely to be at it again.
        peer.sessions().clear();
      }
      peer.retire();
      wrong = new ArrayList<>();
      for (Future<Integer> lane : running) {
        wrong.add(lane.get());
      }
    }
    assertEquals(List.of(0, 0, 0, 0), wrong);
  }

  /** Seals as fast as it can; how many datagrams do not open under their session's key. */
  private static int sealUntilRetired(
      Node from, Node to, WireGuardPeer peer, ConcurrentHashMap<Integer, Boolean> sealedUnder) {
    WireGuardDataPath path = (WireGuardDataPath) from.engine.newDataPath();
    MemorySegment memory = Arena.ofAuto().allocate(1 << 16);
    Train train = new Train();
    int wrong = 0;
    while (peer.endpoint() != null) {
      layOut(from, to, memory, train, 2);
      if (path.sealUnderCurrent(peer, train, Long.MIN_VALUE / 2)) {
        byte[] datagram =
            memory.asSlice(train.slot(1), train.sealedLength(1)).toArray(ValueLayout.JAVA_BYTE);
        int number = Messages.getInt(datagram, DataMessages.DATA_RECEIVER);
        sealedUnder.put(number, true);
        byte[] nonce =
            ByteBuffer.allocate(12)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(
                    4, memory.get(DataMessages.LONG, train.slot(1) + DataMessages.DATA_COUNTER))
                .array();
        byte[] opened =
            Node.backend()
                .open(
                    AeadAlgorithm.CHACHA20_POLY1305,
                    key(number),
                    nonce,
                    new byte[0],
                    Arrays.copyOfRange(datagram, DataMessages.DATA_HEADER, datagram.length));
        wrong += opened == null ? 1 : 0;
      }
    }
    return wrong;
  }

  @Test
  void steadyStateAllocatesNothing() {
    BackendWithCipher backend = new BackendWithCipher(LanesTest::nullCipher);
    Node alice = new Node("alice", 1, Limits.OF_THE_PAPER, backend);
    Node bob = new Node("bob", 2, Limits.OF_THE_PAPER, backend);
    SimulatedNetwork network = new SimulatedNetwork(1, alice, bob);
    alice.knows(bob);
    bob.knows(alice);
    alice.seal(bob, network.now, 1);
    connect(network, alice, bob);
    Endpoint sameAgain = Endpoint.of(alice.address.address(), alice.address.port());
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    WireGuardPeer peer = alice.peer(bob);
    long allocated = Long.MAX_VALUE;
    for (int round = 0; round < 20 && allocated > 0; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      int delivered = 0;
      for (int i = 0; i < 5_000; i++) {
        long now = network.now + i;
        layOutInPlace(alice, bob);
        alice.path.seal(peer, alice.train, now);
        bob.train.received(
            alice.buffer,
            0,
            alice.train.stride(),
            alice.train.packets(),
            alice.train.lastSealedLength());
        int run = bob.path.runLength(bob.train, 0);
        bob.run.slice(bob.train, 0, run);
        delivered += bob.path.open(bob.run, i % 2 == 0 ? alice.address : sameAgain, now);
        bob.engine.nextDeadlineNanos();
      }
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
      assertEquals(5_000 * 40, delivered);
    }
    assertEquals(0, allocated);
  }

  private static void layOutInPlace(Node from, Node to) {
    Train train = from.train.startAt(from.buffer, 0, DataMessages.DATA_HEADER);
    int sealedLength = from.engine.overhead().sealedLength(1400, from.engine.mtu());
    for (int i = 0; i < 40; i++) {
      long at = train.add(1400, sealedLength);
      from.buffer.set(ValueLayout.JAVA_BYTE, at, (byte) 0x45);
      from.buffer.set(BIG_ENDIAN_SHORT, at + 2, (short) 1400);
      from.buffer.set(BIG_ENDIAN_INT, at + 12, (int) from.inner.low());
      from.buffer.set(BIG_ENDIAN_INT, at + 16, (int) to.inner.low());
    }
  }

  private static final ValueLayout.OfShort BIG_ENDIAN_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt BIG_ENDIAN_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  /** A handshake by hand: the null cipher's packets would not pass the eavesdropper. */
  private static void connect(SimulatedNetwork network, Node alice, Node bob) {
    for (int i = 0; i < 3; i++) {
      carry(network, alice, bob);
      carry(network, bob, alice);
    }
    assertNotNull(alice.session(bob));
    assertNotNull(bob.session(alice));
  }

  private static void carry(SimulatedNetwork network, Node from, Node to) {
    from.engine.advance(network.now, network.wall(from));
    while (from.engine.pollTransmit(from.datagram, network.now)) {
      byte[] bytes =
          from.datagram.memory().asSlice(0, from.datagram.length()).toArray(ValueLayout.JAVA_BYTE);
      to.receive(from.address, network.now, bytes);
    }
    to.engine.advance(network.now, network.wall(to));
  }
}
