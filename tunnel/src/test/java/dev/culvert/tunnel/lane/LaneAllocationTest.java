// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Counters;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.gateway.CipherChoice;
import dev.culvert.tunnel.gateway.RestoreWatch;
import dev.culvert.tunnel.gateway.WatchedPath;
import dev.culvert.tunnel.testing.BackendWithCipher;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two whole lanes, with system calls: no thread allocates once they run steadily. */
final class LaneAllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int ROUNDS = 20;
  private static final int BATCHES = 200;
  private static final int STRANGERS = 600;

  private final MemorySegment taken = Arena.ofAuto().allocate(1 << 17, 64);
  private long own;
  private long ofHelpers;

  /** Leaves packets as they are and finds every tag right. */
  private record NullCipher() implements TrainCipher {
    @Override
    public void seal(AeadKey key, PacketRun run) {}

    @Override
    public long open(AeadKey key, PacketRun run) {
      return run.allPackets();
    }

    @Override
    public void forgetKeys() {}
  }

  /** The cipher has a test of its own. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aLaneInSteadyStateAllocatesNothing(int helpers) throws Exception {
    assertNothingAllocated(new BackendWithCipher(NullCipher::new), helpers);
  }

  @Tag("integration")
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void norDoesItWithTheCipherThatTheGatewayChooses(int helpers) throws Exception {
    AeadBackend chosen = CipherChoice.select(AeadAlgorithm.CHACHA20_POLY1305).backend();
    assumeTrue(
        Set.of("vector", "intrinsic").contains(chosen.name()),
        "javax.crypto allocates for every packet");
    assertNothingAllocated(chosen, helpers);
  }

  @Test
  void norDoesItWithAClassifierInEitherFamily() throws Exception {
    try (LaneCluster cluster = new LaneCluster(new BackendWithCipher(NullCipher::new))) {
      MemorySegment[] reads = {
        superPacket("10.0.2.9", "10.0.1.9"),
        superPacket("fd00:0:0:2::9", "fd00:0:0:1::9"),
        superPacket("10.0.2.1", "10.0.1.9"),
        superPacket("10.0.2.9", "10.0.77.9") // nobody's: refused, and answered once
      };
      Counters<LaneCounter> received = cluster.control.lane.counters();
      long least = Long.MAX_VALUE;
      for (int round = 0; round < ROUNDS && least > 0; round++) {
        own = 0;
        for (int i = 0; i < BATCHES; i++) {
          for (MemorySegment read : reads) {
            cluster.worker.feed(read);
          }
          long expected = received.of(LaneCounter.PACKETS_DELIVERED) + 3 * 64;
          long before = THREADS.getCurrentThreadAllocatedBytes();
          cluster.worker.lane.onTun();
          long giveUp = System.nanoTime() + 10_000_000_000L;
          while (received.of(LaneCounter.PACKETS_DELIVERED) < expected
              && System.nanoTime() < giveUp) {
            cluster.control.lane.onUdp(cluster.control.socket);
          }
          own += THREADS.getCurrentThreadAllocatedBytes() - before;
          assertEquals(expected, received.of(LaneCounter.PACKETS_DELIVERED));
          while (cluster.control.tun.take(taken) > 0) {}
          while (cluster.worker.tun.take(taken) > 0) {}
        }
        least = Math.min(least, own);
      }
      assertEquals(0, least, "bytes allocated by " + BATCHES + " batches");
      assertEquals(Set.of(DropReason.NO_OWNER), cluster.worker.drops().keySet());
    }
  }

  /** As many sources as an attacker likes: none of their datagrams is any session's. */
  @Test
  void norDoesItForDatagramsOfStrangersHoweverManyThereAre() throws Exception {
    List<DatagramSocket> strangers = new ArrayList<>();
    try (LaneEnd end = new LaneEnd(1, true, 0, new BackendWithCipher(NullCipher::new), p -> p)) {
      for (int i = 0; i < STRANGERS; i++) {
        byte[] address = {127, 0, (byte) (i >> 6), (byte) (1 + (i & 63))};
        strangers.add(new DatagramSocket(0, InetAddress.getByAddress(address)));
      }
      long least = Long.MAX_VALUE;
      long expected = 0;
      for (int round = 0; round < ROUNDS && least > 0; round++) {
        own = 0;
        for (DatagramSocket stranger : strangers) {
          stranger.send(forged(end.socket.port()));
          expected++;
          long giveUp = System.nanoTime() + 10_000_000_000L;
          long before = THREADS.getCurrentThreadAllocatedBytes();
          while (end.lane.counters().of(LaneCounter.TRAINS_RECEIVED) < expected
              && System.nanoTime() < giveUp) {
            end.lane.onUdp(end.socket);
          }
          own += THREADS.getCurrentThreadAllocatedBytes() - before;
        }
        least = Math.min(least, own);
      }
      assertEquals(0, least, "bytes allocated by a datagram each of " + STRANGERS + " sources");
      assertEquals(Map.of(DropReason.UNKNOWN_INDEX, expected), end.drops());
    } finally {
      strangers.forEach(DatagramSocket::close);
    }
  }

  /** A data message of a session that nobody has. */
  private static DatagramPacket forged(int port) throws IOException {
    byte[] message = new byte[64];
    message[0] = 4;
    return new DatagramPacket(message, message.length, InetAddress.getLoopbackAddress(), port);
  }

  private static MemorySegment superPacket(String from, String to) {
    return NumberedPackets.superPacket(IpAddress.parse(from), IpAddress.parse(to), 80, 0, 64);
  }

  /** As a gateway has its lanes' ways through the engine. */
  private DataPath watched(DataPath path) {
    return new WatchedPath(path, new RestoreWatch(() -> LaneEnd.NOW, () -> 0, reason -> {}));
  }

  private void assertNothingAllocated(AeadBackend aead, int helpers) throws Exception {
    try (LaneEnd one = new LaneEnd(1, true, helpers, aead, this::watched);
        LaneEnd two = new LaneEnd(2, true, helpers, aead, this::watched)) {
      one.connect(two);
      MemorySegment[] there = reads(1, 2);
      MemorySegment[] back = reads(2, 1);
      // An allocation per packet occurs in every round; linking a call site happens once.
      long least = Long.MAX_VALUE;
      for (int round = 0; round < ROUNDS && least > 0; round++) {
        own = 0;
        ofHelpers = -allocatedByHelpers(one) - allocatedByHelpers(two);
        for (int i = 0; i < BATCHES; i++) {
          // Else all were one batch to who looks at the clock.
          one.now++;
          two.now++;
          carry(one, there, two);
          carry(two, back, one);
        }
        ofHelpers += allocatedByHelpers(one) + allocatedByHelpers(two);
        least = Math.min(least, own + ofHelpers);
      }
      assertEquals(0, least, "bytes allocated by " + 2 * BATCHES + " batches");
      assertEquals(Map.of(), one.drops());
      assertEquals(Map.of(), two.drops());
      assertTrue(one.lane.counters().of(LaneCounter.PACKETS_DELIVERED) >= (long) BATCHES * 193);
    }
  }

  /** Three super-packets of 64, which are three full trains, and a lone packet. */
  private static MemorySegment[] reads(int from, int to) {
    return new MemorySegment[] {
      NumberedPackets.superPacket(from, to, 0, 64),
      NumberedPackets.superPacket(from, to, 64, 64),
      NumberedPackets.superPacket(from, to, 128, 64),
      NumberedPackets.superPacket(from, to, 192, 1)
    };
  }

  private void carry(LaneEnd from, MemorySegment[] reads, LaneEnd to) throws IOException {
    for (MemorySegment read : reads) {
      from.feed(read);
    }
    long expected = from.lane.counters().of(LaneCounter.PACKETS_SENT) + 193;
    long expectedThere = to.lane.counters().of(LaneCounter.PACKETS_DELIVERED) + 193;
    long before = THREADS.getCurrentThreadAllocatedBytes();
    from.lane.onTun();
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while (to.lane.counters().of(LaneCounter.PACKETS_DELIVERED) < expectedThere
        && System.nanoTime() < giveUp) {
      to.lane.onUdp(to.socket);
    }
    own += THREADS.getCurrentThreadAllocatedBytes() - before;
    assertEquals(expected, from.lane.counters().of(LaneCounter.PACKETS_SENT));
    assertEquals(expectedThere, to.lane.counters().of(LaneCounter.PACKETS_DELIVERED));
    while (to.tun.take(taken) > 0) {}
  }

  private static long allocatedByHelpers(LaneEnd end) {
    return end.helpers.threads().stream()
        .mapToLong(thread -> THREADS.getThreadAllocatedBytes(thread.threadId()))
        .sum();
  }
}
