// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import com.sun.management.OperatingSystemMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.port.TunPort;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Makes the JVM compile the packet path before this process takes a gateway over: two gateways in
 * this process exchange packets over the loopback device until they get no faster, and one of them
 * is handed over in between. Nothing of it is visible outside of this process, except two UDP
 * sockets.
 */
public final class Rehearsal {
  private static final EventLog LOG = EventLog.of(Rehearsal.class);

  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /**
   * The processor time of a spell: a process that has to wait for others moves little per second.
   */
  private static final long SPELL_NANOS = 400_000_000;

  /** The longest training of an engine. */
  private static final Duration TRAINING = Duration.ofSeconds(8);

  private static final long SHORTEST_REST_NANOS = 200_000;

  /** The packet path is warm after so many spells in a row that moved hardly more packets. */
  private static final int IDLE_SPELLS = 4;

  private static final String A = "rehearsal-a";
  private static final String B = "rehearsal-b";
  private static final IpAddress ADDRESS_A = IpAddress.parse("10.0.0.1");
  private static final IpAddress ADDRESS_B = IpAddress.parse("10.0.0.2");
  private static final IpAddress NODE_A = IpAddress.parse("192.0.2.1");
  private static final IpAddress NODE_B = IpAddress.parse("192.0.2.2");
  private static final int LANES = 1;

  private static final int MOST_DRAINED = 256;
  private static final int ROOM = 1 << 17;

  private final RehearsalEnd a;
  private final RehearsalEnd b;
  private final RehearsalPackets toB;
  private final RehearsalPackets toA;
  private final MemorySegment room;

  private Rehearsal(RehearsalEnd a, RehearsalEnd b, Arena arena) {
    this.a = a;
    this.b = b;
    toB = new RehearsalPackets(a.address(), b.address(), arena);
    toA = new RehearsalPackets(b.address(), a.address(), arena);
    room = arena.allocate(ROOM, 8);
  }

  /**
   * Rehearses, and chooses the fastest cipher for the gateways that this process opens afterwards.
   * A failure is logged: a gateway that is not warm works too.
   *
   * @param cluster whether a classifier decides on each packet, as in gateways of a cluster
   * @param most after which no more packets are moved; the choice of the cipher, which comes first,
   *     is finished in any case
   */
  public static void run(AeadAlgorithm algorithm, boolean cluster, Duration most) {
    long end = System.nanoTime() + most.toNanos();
    try {
      CipherChoice.select(algorithm, () -> LockSupport.parkNanos(SHORTEST_REST_NANOS));
      long began = System.nanoTime();
      long packets = rehearse(algorithm, cluster, end);
      LOG.info(
          LogEvent.REHEARSED,
          "rehearsed for {} ms, at last with {} packets per second of processor time",
          Duration.ofNanos(System.nanoTime() - began).toMillis(),
          packets);
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          LogEvent.REHEARSED, "the rehearsal failed, so the start is slow: {}", Field.reason(e));
    }
  }

  /**
   * Moves packets of both engines with their first ciphers, so that the JVM can record how it runs.
   *
   * @return whether packets arrived; a failure is logged
   */
  public static boolean train() {
    try {
      return train(AeadAlgorithm.AES_GCM) && train(AeadAlgorithm.CHACHA20_POLY1305);
    } catch (IOException | RuntimeException e) {
      LOG.warn(LogEvent.REHEARSED, "the training failed: {}", Field.reason(e));
      return false;
    }
  }

  private static boolean train(AeadAlgorithm algorithm) throws DeviceException, ErrnoException {
    return rehearse(algorithm, true, System.nanoTime() + TRAINING.toNanos()) > 0;
  }

  /**
   * Moves packets.
   *
   * @param end by {@link System#nanoTime}
   * @return packets per second of processor time at last
   */
  private static long rehearse(AeadAlgorithm algorithm, boolean cluster, long end)
      throws DeviceException, ErrnoException {
    List<? extends RehearsalEnd> ends =
        algorithm == AeadAlgorithm.AES_GCM
            ? EspRehearsalEnd.pair(A, LANES, ADDRESS_A, B, ADDRESS_B)
            : WireGuardRehearsalEnd.pair(A, LANES, ADDRESS_A, B, ADDRESS_B, cluster);
    try (Arena arena = Arena.ofShared();
        RehearsalEnd a = ends.getFirst();
        RehearsalEnd b = ends.getLast()) {
      a.meet(b);
      b.meet(a);
      if (cluster) {
        ClusterMap map = ClusterMap.of(List.of(node(A, a, NODE_A), node(B, b, NODE_B)), List.of());
        a.classifyBy(Classifier.of(map, Policy.STRICT, A));
        b.classifyBy(Classifier.of(map, Policy.STRICT, B));
      }
      return new Rehearsal(a, b, arena).play(end);
    }
  }

  private static ClusterNode node(String name, RehearsalEnd end, IpAddress internal) {
    return new ClusterNode(
        name,
        Set.of(),
        Map.of(),
        List.of(internal),
        List.of(),
        List.of(Prefix.host(end.address())),
        end.identity());
  }

  /**
   * Moves packets until that gets no faster; returns the packets per second of processor time at
   * last.
   */
  private long play(long end) throws DeviceException, ErrnoException {
    long best = 0;
    int idle = 0;
    while (idle < IDLE_SPELLS && System.nanoTime() - end < 0) {
      long moved = spell(end);
      idle = moved > best + best / 8 || moved == 0 ? 0 : idle + 1;
      best = Math.max(best, moved);
      a.handOver(b);
    }
    return best * 1_000_000_000L / SPELL_NANOS;
  }

  private long spell(long end) throws ErrnoException {
    long before = moved();
    long used = SYSTEM.getProcessCpuTime() + SPELL_NANOS;
    while (SYSTEM.getProcessCpuTime() < used && System.nanoTime() - end < 0) {
      for (TunPort kernel : a.tun().kernel()) {
        toB.send(kernel);
        drain(kernel);
      }
      for (TunPort kernel : b.tun().kernel()) {
        toA.send(kernel);
        drain(kernel);
      }
      // Gives the processor to the lanes, whose queues are full by now.
      LockSupport.parkNanos(SHORTEST_REST_NANOS);
    }
    return moved() - before;
  }

  private long moved() {
    return a.gateway().status().count(LaneCounter.PACKETS_DELIVERED)
        + b.gateway().status().count(LaneCounter.PACKETS_DELIVERED);
  }

  private void drain(TunPort kernel) throws ErrnoException {
    for (int i = 0; i < MOST_DRAINED; i++) {
      if (kernel.read(room, 0, ROOM) == 0) {
        return;
      }
    }
  }
}
