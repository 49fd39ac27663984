package dev.culvert.tunnel.esp.global;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.esp.SaKeyId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;

/** Nodes over a network that loses, delays, repeats and reorders, in virtual time. */
final class SimulatedLink {
  static final long MILLISECOND = 1_000_000;
  private static final long WALL_START = 1_800_000_000_000_000_000L;

  /** What an eavesdropper saw. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Seen(SimulatedNode from, IpAddress to, byte[] bytes) {}

  private record Flight(long at, long order, Runnable arrival) {}

  private final List<SimulatedNode> nodes = new ArrayList<>();
  private final PriorityQueue<Flight> flights =
      new PriorityQueue<>(Comparator.comparingLong(Flight::at).thenComparingLong(Flight::order));
  private final Random chance;
  private final Set<SaKeyId> keysUsed = new HashSet<>();
  final List<Seen> seen = new ArrayList<>();
  double loss;
  double duplication;
  long maxDelay = 2 * MILLISECOND;
  Predicate<Seen> filter = message -> true;
  long now;
  long wallOffset = WALL_START;
  int keysUsedTwice;
  long sent;
  long delivered;
  long held;
  private long order;

  SimulatedLink(long seed) {
    chance = new Random(seed);
  }

  void add(SimulatedNode node) {
    nodes.add(node);
  }

  /** Every use of a key begins with sequence number 1: a second use is a repeated (key, IV). */
  void keyUsed(SaKeyId key) {
    if (!keysUsed.add(key)) {
      keysUsedTwice++;
    }
  }

  void checkFresh(boolean fresh) {
    if (!fresh) {
      keysUsedTwice++;
    }
  }

  void sendMessage(SimulatedNode from, IpAddress to, byte[] bytes) {
    Seen message = new Seen(from, to, bytes);
    seen.add(message);
    if (!filter.test(message)) {
      return;
    }
    int copies = chance.nextDouble() < duplication ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      if (chance.nextDouble() >= loss) {
        inject(bytes, from.address, to);
      }
    }
  }

  /** Delivers bytes with any sender's address, as an attacker can. */
  void inject(byte[] bytes, IpAddress from, IpAddress to) {
    for (SimulatedNode node : nodes) {
      if (node.address.equals(to)) {
        fly(() -> node.receive(bytes, from, now, now + wallOffset));
      }
    }
  }

  private void fly(Runnable arrival) {
    long delay = MILLISECOND / 2 + chance.nextLong(maxDelay);
    flights.add(new Flight(now + delay, order++, arrival));
  }

  /** Sends one numbered packet; where no SA stands it is held back, never sent in clear. */
  void packet(SimulatedNode from, SimulatedNode to, long number) {
    SimulatedNode.Packet packet = from.seal(to, number);
    if (packet == null) {
      held++;
      from.keying.wanted(to.address.toString(), now);
      return;
    }
    sent++;
    fly(
        () -> {
          if (to.opens(packet, from)) {
            delivered++;
          }
        });
  }

  void run(Duration time) {
    long end = now + time.toNanos();
    while (true) {
      long next = end;
      for (SimulatedNode node : nodes) {
        next = Math.min(next, Math.max(now, node.keying.nextDeadlineNanos()));
      }
      Flight flight = flights.peek();
      if (flight != null && flight.at() <= next) {
        flights.remove();
        now = flight.at();
        flight.arrival().run();
      } else if (next < end) {
        now = next;
        nodes.forEach(node -> node.advance(now, now + wallOffset));
      } else {
        now = end;
        return;
      }
    }
  }
}
