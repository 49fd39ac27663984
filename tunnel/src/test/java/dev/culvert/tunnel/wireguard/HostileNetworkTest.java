// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.HOURS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Loss, reordering, duplication, corruption and garbage cost WireGuard packets, but none is
 * delivered twice or changed, and nothing throws.
 */
final class HostileNetworkTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void lossReorderingDuplicationAndCorruptionCostPacketsButNothingElse(long seed) {
    alice.knows(bob);
    bob.knows(alice);
    SimulatedNetwork network = new SimulatedNetwork(seed, alice, bob);
    network.lossRate = 0.2;
    network.duplicateRate = 0.1;
    network.corruptRate = 0.05;
    network.maxDelay = MILLISECONDS.toNanos(400);
    Random random = new Random(seed);
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
      if (random.nextInt(100) == 0) {
        from.clockSkew = random.nextLong(-HOURS.toNanos(1), HOURS.toNanos(1));
      }
    }
    network.lossRate = network.duplicateRate = network.corruptRate = 0;
    network.run(SECONDS.toNanos(120));
    network.send(alice, bob, sent[0]++);
    network.send(bob, alice, sent[1]++);
    network.run(SECONDS.toNanos(10));
    check(bob, alice, sent[0]);
    check(alice, bob, sent[1]);
  }

  private static void check(Node receiver, Node sender, int sent) {
    List<Integer> numbers = receiver.deliveredNumbers();
    assertEquals(numbers.size(), new HashSet<>(numbers).size(), "delivered twice");
    for (byte[] packet : receiver.delivered) {
      int number = ByteBuffer.wrap(packet).getInt(packet.length - 4);
      assertArrayEquals(Node.packet(sender.inner, receiver.inner, number), packet);
    }
    assertTrue(numbers.contains(sent - 1), "the last packet, sent in peace, is missing");
    assertTrue(numbers.size() > sent / 2, numbers.size() + " of " + sent);
  }

  @Test
  void everyDatagramOfGarbageIsCountedOnceAndNoneThrows() {
    SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
    network.send(alice, bob, 1);
    network.settle();
    network.send(alice, bob, 2);
    network.send(bob, alice, 3);
    network.settle();
    List<byte[]> honest = network.seen.stream().map(SimulatedNetwork.Sent::bytes).toList();
    bob.delivered.clear();
    Endpoint mallory = Endpoint.of(IpAddress.parse("203.0.113.66"), 666);
    Random random = new Random(42);
    int datagrams = 0;
    while (datagrams < 100_000) {
      int count = 1 + random.nextInt(6);
      byte[][] run = new byte[count][];
      run[0] = garbage(random, honest);
      for (int i = 1; i < count; i++) {
        byte[] next = garbage(random, honest);
        int length = i == count - 1 ? Math.min(next.length, run[0].length) : run[0].length;
        run[i] = Arrays.copyOf(next, length);
      }
      bob.receive(mallory, network.now, run);
      datagrams += count;
      network.run(MILLISECONDS.toNanos(random.nextInt(3)));
    }
    assertEquals(List.of(), bob.delivered);
    assertEquals(alice.address, bob.peer(alice).endpoint());
    // Bob still awaits nothing of this: each message was dropped, for one reason.
    network.run(1);
    assertEquals(
        datagrams,
        bob.drops().values().stream().mapToLong(Long::longValue).sum(),
        "" + bob.drops());
  }

  private static byte[] garbage(Random random, List<byte[]> honest) {
    byte[] bytes;
    if (random.nextInt(3) == 0) {
      bytes = new byte[1 + random.nextInt(200)];
      random.nextBytes(bytes);
      if (random.nextBoolean() && bytes.length >= Messages.TYPE_LENGTH) {
        Messages.putInt(bytes, Messages.TYPE, random.nextInt(6));
      }
      return bytes;
    }
    bytes = honest.get(random.nextInt(honest.size())).clone();
    int changes = random.nextInt(4);
    for (int i = 0; i < changes; i++) {
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    }
    boolean resize = random.nextInt(3) == 0;
    return resize ? Arrays.copyOf(bytes, 1 + random.nextInt(2 * bytes.length)) : bytes;
  }
}
