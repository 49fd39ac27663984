// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.HOURS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever is under way when a WireGuard engine is handed over, or comes back after its successor
 * died: no counter of a key is used twice, no packet is delivered twice, and traffic goes on.
 */
final class HandOverScheduleTest {
  private final NonceLog nonces = new NonceLog();
  private final Node alice = new Node("alice", 1, Limits.OF_THE_PAPER, nonces.backend());
  private final Node bob = new Node("bob", 2, Limits.OF_THE_PAPER, nonces.backend());

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void handOversAtAnyMomentRepeatNoCounterAndTrafficGoesOn(long seed) {
    alice.knows(bob);
    bob.knows(alice);
    SimulatedNetwork network = new SimulatedNetwork(seed, alice, bob);
    network.lossRate = 0.1;
    network.duplicateRate = 0.1;
    network.maxDelay = MILLISECONDS.toNanos(400);
    Random random = new Random(seed);
    int handOvers = 0;
    int[] sent = new int[2];
    for (int step = 0; step < 1500; step++) {
      network.run(MILLISECONDS.toNanos(random.nextInt(1500)));
      boolean fromAlice = random.nextBoolean();
      Node from = fromAlice ? alice : bob;
      int[] numbers = new int[1 + random.nextInt(5)];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = sent[fromAlice ? 0 : 1]++;
      }
      network.send(from, fromAlice ? bob : alice, numbers);
      Node restarting = random.nextBoolean() ? alice : bob;
      switch (random.nextInt(8)) {
        case 0, 1 -> {
          restarting.handOver(network.now);
          handOvers++;
        }
        case 2 -> {
          restarting.successor(network.now, SafetyJump.PACKETS).close();
          restarting.engine.jumpAhead();
        }
        case 3 -> restarting.clockSkew = random.nextLong(-HOURS.toNanos(1), HOURS.toNanos(1));
        default -> {}
      }
    }
    network.lossRate = network.duplicateRate = 0;
    network.run(SECONDS.toNanos(120));
    network.send(alice, bob, sent[0]++);
    network.send(bob, alice, sent[1]++);
    network.run(SECONDS.toNanos(10));
    assertTrue(handOvers > 250, handOvers + " hand-overs");
    assertTrue(nonces.keys() > 10, nonces.keys() + " keys");
    assertTrue(nonces.packets() > sent[0]);
    assertEquals(0, nonces.repeated);
    check(bob, sent[0]);
    check(alice, sent[1]);
  }

  private static void check(Node receiver, int sent) {
    List<Integer> numbers = receiver.deliveredNumbers();
    assertEquals(numbers.size(), new HashSet<>(numbers).size(), "delivered twice");
    assertTrue(numbers.contains(sent - 1), "the last packet, sent in peace, is missing");
    assertTrue(numbers.size() > sent * 3 / 4, numbers.size() + " of " + sent);
    assertFalse(receiver.events.stream().anyMatch(TunnelEvent.WorkFailed.class::isInstance));
  }
}
