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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Makes the JVM compile the packet path before a gateway of this process has traffic: two other
 * gateways in this process exchange packets over the loopback device until they get no faster.
 * Nothing of it is visible outside of this process, except two UDP sockets.
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

  /**
   * A rehearsal beside a gateway rests for so many times the time that its packets took, so that it
   * leaves most of a processor to that gateway and to the compilers.
   */
  private static final int RESTS_BESIDE = 3;

  /** The time after which packets are not waited for any more. */
  private static final long LONGEST_ROUND_NANOS = 100_000_000;

  /** The packet path is warm after so many spells in a row that moved hardly more packets. */
  private static final int IDLE_SPELLS = 4;

  /** After so many spells in a row without a packet none will arrive. */
  private static final int EMPTY_SPELLS = 5;

  /** The algorithms with which this process has rehearsed to the end. */
  private static final Set<AeadAlgorithm> REHEARSED = ConcurrentHashMap.newKeySet();

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
   * How a rehearsal goes.
   *
   * @param end by {@link System#nanoTime}
   * @param unwanted whether it is to end before
   * @param beside whether this process has a gateway already, which comes first; without one, the
   *     rehearsal hands a gateway over after each spell
   */
  private record Course(long end, BooleanSupplier unwanted, boolean beside) {
    static Course alone(long end) {
      return new Course(end, () -> false, false);
    }

    boolean isOver() {
      return System.nanoTime() - end >= 0 || unwanted.getAsBoolean();
    }
  }

  /**
   * Rehearses before this process takes a gateway over, and chooses the fastest cipher for the
   * gateways that it opens afterwards. A failure is logged: a gateway that is not warm works too.
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
      long packets = rehearse(algorithm, cluster, Course.alone(end));
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
   * Whether this process has rehearsed to the end: the JVM compiles a method once for all gateways.
   */
  static boolean isDone(AeadAlgorithm algorithm) {
    return REHEARSED.contains(algorithm);
  }

  /**
   * Rehearses beside a gateway that is open, with the cipher that a new gateway would have now. On
   * a thread of low priority, which the threads of the rehearsal inherit. A failure is logged.
   *
   * @param device the gateway's interface, for the log
   * @param most after which this ends
   * @param traffic whether the gateway has traffic, or has ended: then this ends too
   */
  static void beside(
      String device,
      AeadAlgorithm algorithm,
      boolean cluster,
      Duration most,
      BooleanSupplier traffic) {
    long began = System.nanoTime();
    Course course = new Course(began + most.toNanos(), traffic, true);
    if (course.isOver()) {
      return;
    }
    try {
      long packets = rehearse(algorithm, cluster, course);
      LOG.info(
          LogEvent.TUNNEL_REHEARSED,
          "{}: rehearsed for {} ms{}, at last with {} packets per second of processor time",
          Field.tunnel(device),
          Duration.ofNanos(System.nanoTime() - began).toMillis(),
          course.isOver() ? " and was not finished" : "",
          packets);
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          LogEvent.TUNNEL_REHEARSED,
          "{}: the rehearsal failed, so the first traffic is slow: {}",
          Field.tunnel(device),
          Field.reason(e));
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

  private static boolean train(AeadAlgorithm algorithm) throws IOException {
    return rehearse(algorithm, true, Course.alone(System.nanoTime() + TRAINING.toNanos())) > 0;
  }

  /** Moves packets; returns packets per second of processor time at last. */
  private static long rehearse(AeadAlgorithm algorithm, boolean cluster, Course course)
      throws IOException {
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
      long packets = new Rehearsal(a, b, arena).play(course);
      if (!course.isOver()) {
        REHEARSED.add(algorithm);
      }
      return packets;
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
   *
   * @throws IOException if none arrives, as when the loopback device is down
   */
  private long play(Course course) throws IOException {
    long best = 0;
    int idle = 0;
    int empty = 0;
    while (idle < IDLE_SPELLS && !course.isOver()) {
      long moved = spell(course);
      empty = moved == 0 ? empty + 1 : 0;
      if (empty == EMPTY_SPELLS) {
        throw new IOException("no packet arrives; is the loopback device up?");
      }
      idle = moved > best + best / 8 || moved == 0 ? 0 : idle + 1;
      best = Math.max(best, moved);
      if (!course.beside()) {
        a.handOver(b);
      }
    }
    return best * 1_000_000_000L / SPELL_NANOS;
  }

  private long spell(Course course) throws ErrnoException {
    long before = moved();
    long used = SYSTEM.getProcessCpuTime() + SPELL_NANOS;
    while (SYSTEM.getProcessCpuTime() < used && !course.isOver()) {
      long began = System.nanoTime();
      for (TunPort kernel : a.tun().kernel()) {
        toB.send(kernel);
      }
      for (TunPort kernel : b.tun().kernel()) {
        toA.send(kernel);
      }
      if (course.beside()) {
        awaitArrival(began + LONGEST_ROUND_NANOS);
        LockSupport.parkNanos(RESTS_BESIDE * (System.nanoTime() - began));
      } else {
        // Gives the processor to the lanes, whose queues are full by now.
        LockSupport.parkNanos(SHORTEST_REST_NANOS);
        drain();
      }
    }
    return moved() - before;
  }

  /** Waits until packets arrive no more. */
  private void awaitArrival(long end) throws ErrnoException {
    long before;
    long now = moved();
    do {
      LockSupport.parkNanos(SHORTEST_REST_NANOS);
      drain();
      before = now;
      now = moved();
    } while (now != before && System.nanoTime() - end < 0);
  }

  private long moved() {
    return a.gateway().count(LaneCounter.PACKETS_DELIVERED)
        + b.gateway().count(LaneCounter.PACKETS_DELIVERED);
  }

  private void drain() throws ErrnoException {
    for (TunPort kernel : a.tun().kernel()) {
      drain(kernel);
    }
    for (TunPort kernel : b.tun().kernel()) {
      drain(kernel);
    }
  }

  private void drain(TunPort kernel) throws ErrnoException {
    for (int i = 0; i < MOST_DRAINED; i++) {
      if (kernel.read(room, 0, ROOM) == 0) {
        return;
      }
    }
  }
}
