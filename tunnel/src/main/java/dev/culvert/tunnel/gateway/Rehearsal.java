// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import com.sun.management.OperatingSystemMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
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
 * Nothing of it is visible outside of this process, except its sockets: UDP at two ports of all
 * local addresses, and raw ones with a classifier.
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

  /** Longer than the handshake takes if its first message is lost. */
  private static final Duration LONGEST_SILENCE = Duration.ofSeconds(15);

  /** The ciphers with which this process has rehearsed to the end. */
  private static final Set<Cipher> REHEARSED = ConcurrentHashMap.newKeySet();

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
   * @param demanded whether the processors are demanded for packets of others, so that it ends
   * @param beside whether this process has a gateway already, which comes first; without one, the
   *     rehearsal hands a gateway over after each spell
   */
  private record Course(long end, BooleanSupplier demanded, boolean beside) {
    static Course alone(long end) {
      return new Course(end, () -> false, false);
    }

    boolean isOver() {
      return System.nanoTime() - end >= 0 || demanded.getAsBoolean();
    }
  }

  /** A cipher that new gateways get. */
  private record Cipher(AeadAlgorithm algorithm, AeadBackend backend) {
    static Cipher first(AeadAlgorithm algorithm) {
      return new Cipher(algorithm, AeadBackends.first(algorithm));
    }
  }

  /**
   * The end of a rehearsal.
   *
   * @param packets per second of processor time at last
   * @param finished whether it got no faster
   */
  private record Outcome(long packets, boolean finished) {}

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
      Outcome outcome = rehearse(algorithm, cluster, Course.alone(end));
      LOG.info(
          LogEvent.REHEARSED,
          "rehearsed for {} ms, at last with {} packets per second of processor time",
          Duration.ofNanos(System.nanoTime() - began).toMillis(),
          outcome.packets());
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          LogEvent.REHEARSED, "the rehearsal failed, so the start is slow: {}", Field.reason(e));
    }
  }

  /**
   * Rehearses beside a gateway that is open, with the cipher that a new gateway would get now,
   * unless this process has done so with that cipher: the JVM compiles a method once for all
   * gateways. The threads of the rehearsal inherit the priority of this thread.
   *
   * @param device the gateway's interface, for the log
   * @param most after which this ends
   * @param demanded whether the gateway has traffic, or ends: then this ends too
   * @return false if that failed, which is logged, so that another time would fail too
   */
  static boolean beside(
      String device,
      AeadAlgorithm algorithm,
      boolean cluster,
      Duration most,
      BooleanSupplier demanded) {
    long began = System.nanoTime();
    Course course = new Course(began + most.toNanos(), demanded, true);
    Cipher cipher = Cipher.first(algorithm);
    if (REHEARSED.contains(cipher) || course.isOver()) {
      return true;
    }
    try {
      Outcome outcome = rehearse(algorithm, cluster, course);
      LOG.info(
          LogEvent.TUNNEL_REHEARSED,
          "{}: rehearsed with {} for {} ms{}, at last with {} packets per second of processor time",
          Field.tunnel(device),
          cipher.backend().name(),
          Duration.ofNanos(System.nanoTime() - began).toMillis(),
          outcome.finished() ? "" : " and was not finished",
          outcome.packets());
      return true;
    } catch (Throwable e) { // An Error, as for want of threads, must not end the gateway.
      LOG.failure(
          LogEvent.TUNNEL_REHEARSED,
          e,
          "{}: the rehearsal failed, so the first traffic is slow",
          Field.tunnel(device));
      return false;
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
    Course course = Course.alone(System.nanoTime() + TRAINING.toNanos());
    return rehearse(algorithm, true, course).packets() > 0;
  }

  private static Outcome rehearse(AeadAlgorithm algorithm, boolean cluster, Course course)
      throws IOException {
    Cipher cipher = Cipher.first(algorithm);
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
      Outcome outcome = new Rehearsal(a, b, arena).play(course);
      if (outcome.finished()) {
        REHEARSED.add(cipher);
      }
      return outcome;
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
   * Moves packets until that gets no faster.
   *
   * @throws IOException if none arrives, as when the loopback device is down
   */
  private Outcome play(Course course) throws IOException {
    long best = 0;
    int idle = 0;
    long arrived = System.nanoTime();
    while (idle < IDLE_SPELLS && !course.isOver()) {
      long moved = spell(course);
      long now = System.nanoTime();
      if (moved > 0) {
        arrived = now;
      } else if (now - arrived > LONGEST_SILENCE.toNanos()) {
        throw new IOException("no packet arrives; is the loopback device up?");
      }
      idle = moved > best + best / 8 || moved == 0 ? 0 : idle + 1;
      best = Math.max(best, moved);
      if (!course.beside()) {
        a.handOver(b);
      }
    }
    return new Outcome(best * 1_000_000_000L / SPELL_NANOS, idle == IDLE_SPELLS);
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
        rest(System.nanoTime() - began, course);
      } else {
        // Gives the processor to the lanes, whose queues are full by now.
        LockSupport.parkNanos(SHORTEST_REST_NANOS);
        drain();
      }
    }
    return moved() - before;
  }

  private static void rest(long workedNanos, Course course) {
    long end = System.nanoTime() + RESTS_BESIDE * workedNanos;
    for (long left = end - System.nanoTime();
        left > 0 && !course.isOver();
        left = end - System.nanoTime()) {
      LockSupport.parkNanos(Math.min(left, Demand.LOOK_NANOS));
    }
  }

  /** Waits until no packet arrives for a moment. */
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
