package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.DAYS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.engine.Verdict;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.Predicate;

/**
 * Nodes on one network in virtual time, which steps to the next arrival or deadline. It can lose,
 * double, delay and corrupt, all from one seed. Somebody reads every datagram and fails the test
 * where the marker of an inner packet is in it.
 */
final class SimulatedNetwork {
  static final long LATENCY = MILLISECONDS.toNanos(1);

  /** A wall clock in the year 2024. */
  private static final long WALL_AT_ZERO = DAYS.toNanos(19_800);

  /** Monotonic clocks may well be negative. */
  private static final long START = -DAYS.toNanos(1);

  /** A datagram on its way or past. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Sent(long at, long number, Endpoint from, Endpoint to, byte[] bytes) {
    int type() {
      return Messages.getInt(bytes, Messages.TYPE);
    }
  }

  final List<Sent> seen = new ArrayList<>();
  Predicate<Sent> lose = sent -> false;
  double lossRate;
  double duplicateRate;
  double corruptRate;
  long maxDelay;
  long now = START;

  private final Random random;
  private final List<Node> nodes;
  private final PriorityQueue<Sent> flying =
      new PriorityQueue<>(Comparator.comparingLong(Sent::at).thenComparingLong(Sent::number));
  private long number;

  SimulatedNetwork(long seed, Node... nodes) {
    random = new Random(seed);
    this.nodes = List.of(nodes);
  }

  /** Two nodes that know each other. */
  static SimulatedNetwork of(Node a, Node b) {
    a.knows(b);
    b.knows(a);
    return new SimulatedNetwork(1, a, b);
  }

  /** Seals a train at {@code from} and puts it on the wire. */
  Verdict send(Node from, Node to, int... numbers) {
    Verdict verdict = from.seal(to, now, numbers);
    flush(from, from.peer(to));
    return verdict;
  }

  private void flush(Node from, TunnelPeer peer) {
    Endpoint to = peer.endpoint();
    for (byte[] datagram : from.outbox) {
      assertTrue(to != null);
      transmit(from.address, to, datagram);
    }
    from.outbox.clear();
  }

  /** Puts a datagram on the wire, from anybody. */
  void transmit(Endpoint from, Endpoint to, byte[] bytes) {
    Sent sent = new Sent(now + LATENCY, number++, from, to, bytes);
    assertFalse(contains(bytes, Node.MARKER), "plaintext on the wire");
    seen.add(sent);
    if (lose.test(sent) || random.nextDouble() < lossRate) {
      return;
    }
    int copies = random.nextDouble() < duplicateRate ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      long delay = maxDelay == 0 ? 0 : random.nextLong(maxDelay);
      byte[] carried = bytes.clone();
      if (random.nextDouble() < corruptRate) {
        carried[random.nextInt(carried.length)] ^= (byte) (1 << random.nextInt(8));
      }
      flying.add(new Sent(sent.at + delay, number++, from, to, carried));
    }
  }

  /** Lets {@code nanos} pass. */
  void run(long nanos) {
    runUntil(now + nanos);
  }

  /** Lets arrive what is under way, and whatever that brings about within a second. */
  void settle() {
    run(MILLISECONDS.toNanos(1000));
  }

  private void runUntil(long end) {
    work();
    while (true) {
      long next = flying.isEmpty() ? Long.MAX_VALUE : flying.peek().at;
      for (Node node : nodes) {
        next = Math.min(next, node.engine.nextDeadlineNanos());
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
      Sent sent = flying.remove();
      for (Node node : nodes) {
        if (WireGuardPeer.samePlace(node.address, sent.to)) {
          node.receive(sent.from, now, sent.bytes);
        }
      }
    }
  }

  /** Everything that the engines' control sides have to do now. */
  private void work() {
    for (Node node : nodes) {
      int rounds = 0;
      do {
        assertTrue(rounds++ < 10_000, node + " spins");
        node.engine.advance(now, wall(node));
        while (node.engine.pollTransmit(node.datagram, now)) {
          byte[] bytes =
              node.datagram
                  .memory()
                  .asSlice(0, node.datagram.length())
                  .toArray(ValueLayout.JAVA_BYTE);
          transmit(node.address, node.datagram.destination(), bytes);
        }
        for (TunnelEvent event = node.engine.pollEvent();
            event != null;
            event = node.engine.pollEvent()) {
          node.events.add(event);
        }
      } while (node.engine.nextDeadlineNanos() <= now);
    }
  }

  long wall(Node node) {
    return WALL_AT_ZERO + now + node.clockSkew;
  }

  /** Everything of {@code type} that {@code from} put on the wire. */
  List<Sent> sentBy(Node from, int type) {
    return seen.stream()
        .filter(s -> WireGuardPeer.samePlace(s.from, from.address) && s.type() == type)
        .toList();
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
