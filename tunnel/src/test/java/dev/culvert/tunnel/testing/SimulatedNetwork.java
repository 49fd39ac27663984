// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.testing;

import static java.util.concurrent.TimeUnit.DAYS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.Predicate;

/**
 * Nodes on one network in virtual time, which steps to the next arrival or deadline. It can lose,
 * double, delay and corrupt, all from one seed. Somebody reads every datagram and fails the test if
 * the marker of an inner packet is in it.
 */
public final class SimulatedNetwork {
  public static final long LATENCY = MILLISECONDS.toNanos(1);

  /** A wall clock in the year 2024. */
  private static final long WALL_AT_ZERO = DAYS.toNanos(19_800);

  /** Monotonic clocks may well be negative. */
  private static final long START = -DAYS.toNanos(1);

  /** A datagram on its way or past. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Sent(long at, long number, Endpoint from, Endpoint to, byte[] bytes) {
    /** The first four bytes as WireGuard reads them; 0 if there are fewer. */
    public int type() {
      return bytes.length < 4 ? 0 : ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
    }
  }

  public final List<Sent> seen = new ArrayList<>();
  public Predicate<Sent> lose = sent -> false;
  public double lossRate;
  public double duplicateRate;
  public double corruptRate;
  public long maxDelay;
  public long now = START;

  private final Random random;
  private final List<Node> nodes;
  private final PriorityQueue<Flight> flying =
      new PriorityQueue<>(Comparator.comparingLong(Flight::at).thenComparingLong(Flight::number));
  private long number;

  /** Something on its way, and the action when it arrives. */
  private record Flight(long at, long number, Runnable arrival) {}

  public SimulatedNetwork(long seed, Node... nodes) {
    random = new Random(seed);
    this.nodes = new ArrayList<>(List.of(nodes));
  }

  public void add(Node node) {
    nodes.add(node);
  }

  /** Two nodes that know each other. */
  public static SimulatedNetwork of(Station a, Station b) {
    a.knows(b);
    b.knows(a);
    return new SimulatedNetwork(1, a, b);
  }

  /** Seals a train at {@code from} and puts it on the wire. */
  public SealResult send(Station from, Station to, int... numbers) {
    SealResult verdict = from.seal(to, now, numbers);
    flush(from, from.peer(to));
    return verdict;
  }

  private void flush(Station from, TunnelPeer peer) {
    Endpoint to = peer.endpoint();
    for (byte[] datagram : from.outbox) {
      assertTrue(to != null);
      transmit(from.address, to, datagram);
    }
    from.outbox.clear();
  }

  /** Puts a datagram on the wire, from anybody. */
  public void transmit(Endpoint from, Endpoint to, byte[] bytes) {
    Sent sent = new Sent(now + LATENCY, number++, from, to, bytes);
    assertFalse(contains(bytes, Station.MARKER), "plaintext on the wire");
    seen.add(sent);
    if (lose.test(sent) || random.nextDouble() < lossRate) {
      return;
    }
    int copies = random.nextDouble() < duplicateRate ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      byte[] carried = bytes.clone();
      if (random.nextDouble() < corruptRate) {
        carried[random.nextInt(carried.length)] ^= (byte) (1 << random.nextInt(8));
      }
      inject(from, to, carried);
    }
  }

  /** Has a datagram arrive that nothing loses and nobody records, as an attacker can. */
  public void inject(Endpoint from, Endpoint to, byte[] bytes) {
    fly(
        () -> {
          for (Node node : nodes) {
            if (node.address().isSamePlace(to)) {
              node.arrive(this, from, bytes);
            }
          }
        });
  }

  /** Runs {@code arrival} as late as a datagram would arrive. */
  public void fly(Runnable arrival) {
    long delay = maxDelay == 0 ? 0 : random.nextLong(maxDelay);
    flying.add(new Flight(now + LATENCY + delay, number++, arrival));
  }

  /** Lets {@code time} pass. */
  public void run(Duration time) {
    run(time.toNanos());
  }

  /** Lets {@code nanos} pass. */
  public void run(long nanos) {
    runUntil(now + nanos);
  }

  /** Delivers all that is under way, and all that follows from it within a second. */
  public void settle() {
    run(MILLISECONDS.toNanos(1000));
  }

  private void runUntil(long end) {
    work();
    while (true) {
      long next = flying.isEmpty() ? Long.MAX_VALUE : flying.peek().at;
      for (Node node : nodes) {
        next = Math.min(next, node.nextDeadlineNanos());
      }
      if (next > end) {
        break;
      }
      now = Math.max(now, next);
      arrive();
      work();
    }
    now = end;
  }

  private void arrive() {
    while (!flying.isEmpty() && flying.peek().at <= now) {
      flying.remove().arrival.run();
    }
  }

  /** Everything that the nodes have to do now. */
  private void work() {
    for (Node node : nodes) {
      int rounds = 0;
      do {
        assertTrue(rounds++ < 10_000, node + " spins");
        node.advance(this);
      } while (node.nextDeadlineNanos() <= now);
    }
  }

  public long wall(Node node) {
    return WALL_AT_ZERO + now + node.clockSkew();
  }

  /** Everything of {@code type} that {@code from} put on the wire. */
  public List<Sent> sentBy(Station from, int type) {
    return seen.stream().filter(s -> s.from.isSamePlace(from.address) && s.type() == type).toList();
  }

  private static boolean contains(byte[] bytes, byte[] wanted) {
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      if (Arrays.mismatch(bytes, i, i + wanted.length, wanted, 0, wanted.length) < 0) {
        return true;
      }
    }
    return false;
  }
}
