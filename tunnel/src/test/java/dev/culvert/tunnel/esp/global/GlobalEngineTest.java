// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whole engines with the exchange of epochs between them. */
final class GlobalEngineTest {
  private final GlobalStation alice = new GlobalStation("alice", 1, true);
  private final GlobalStation bob = new GlobalStation("bob", 2, true);
  private SimulatedNetwork network = new SimulatedNetwork(1, alice, bob);

  private static List<Prefix> ranges(String... prefixes) {
    return Arrays.stream(prefixes).map(Prefix::parse).toList();
  }

  private void assertConnected(int number) {
    network.send(alice, bob, number);
    network.send(bob, alice, number);
    network.settle();
    assertTrue(bob.deliveredNumbers().contains(number), "alice to bob");
    assertTrue(alice.deliveredNumbers().contains(number), "bob to alice");
  }

  @Test
  void packetsPassBothWays() {
    alice.knows(bob);
    bob.knows(alice);
    assertConnected(1);
    assertEquals(SealResult.SEALED, network.send(alice, bob, 2));
    assertEquals(List.of(), alice.notices());
  }

  @Test
  void aPeerWhosePortChangedInTheConfigurationGetsKeysAtOnce() {
    alice.knows(bob);
    bob.knows(alice);
    assertConnected(1);
    Endpoint moved = Endpoint.of(alice.address.address(), 4511);
    bob.knows(alice, moved, ranges(bob.inner + "/32"), ranges(alice.inner + "/32"));
    alice.address = moved;
    network.settle();
    assertConnected(2);
  }

  @Test
  void endsThatAreConfiguredForDifferentTrafficSayWhatDiffers() {
    alice.knows(
        bob, bob.address, ranges("10.0.0.1/32", "10.1.0.0/16"), ranges("10.0.0.2/32", "fd02::/64"));
    bob.knows(alice, alice.address, ranges("10.0.0.2/32"), ranges("10.0.0.1/32", "10.9.0.0/16"));
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1));
    network.run(SECONDS.toNanos(30));
    assertEquals(List.of(), bob.delivered);
    assertEquals(
        List.of(
            "no keys with bob: our podCIDRs and its allowedIps differ: only here [10.1.0.0/16],"
                + " only there [10.9.0.0/16]; our allowedIps and its podCIDRs differ: only here"
                + " [fd02::/64], only there []"),
        alice.notices());
    assertEquals(
        List.of(
            "no keys with alice: our podCIDRs and its allowedIps differ: only here [], only"
                + " there [fd02::/64]; our allowedIps and its podCIDRs differ: only here"
                + " [10.9.0.0/16], only there [10.1.0.0/16]"),
        bob.notices());
    assertTrue(alice.notices().getFirst().endsWith(alice.keying.pairs().getFirst().difference()));
    assertTrue(alice.drops(DropReason.BAD_HANDSHAKE) > 0, "hellos that do not verify");
    // Once it is mended, nothing of it is left.
    bob.knows(
        alice,
        alice.address,
        ranges("10.0.0.2/32", "fd02::/64"),
        ranges("10.0.0.1/32", "10.1.0.0/16"));
    network.run(SECONDS.toNanos(60));
    assertConnected(2);
    assertNull(alice.keying.pairs().getFirst().difference());
    assertEquals(1, alice.notices().size());
  }

  @Test
  void anEndThatCameUpLaterLearnsOfItWithTheOther() {
    alice.knows(bob, bob.address, ranges("10.0.0.1/32"), ranges("10.0.0.2/32", "10.8.0.0/16"));
    network.run(SECONDS.toNanos(20));
    bob.knows(alice);
    network.run(SECONDS.toNanos(10));
    assertEquals(1, alice.notices().size());
    assertEquals(1, bob.notices().size());
    long told = network.seen.stream().filter(sent -> sent.bytes()[8] == 5).count();
    assertEquals(4, told, "alice to nobody; bob, and one answer of each");
  }

  @Test
  void endsThatDifferInEsnSaySo() {
    GlobalStation carol = new GlobalStation("carol", 3, false);
    network = new SimulatedNetwork(1, alice, carol);
    alice.knows(carol);
    carol.knows(alice);
    network.run(SECONDS.toNanos(30));
    assertEquals(List.of("no keys with carol: esn is true here and false there"), alice.notices());
    assertEquals(List.of("no keys with alice: esn is false here and true there"), carol.notices());
  }

  @Test
  void rangesAreSaidOnlyWhereThePeerDoesNotAnswer() {
    alice.knows(bob);
    bob.knows(alice);
    network.run(SECONDS.toNanos(3 * 3600));
    assertTrue(network.seen.stream().allMatch(sent -> sent.bytes().length == 4 + 76));
  }

  @Test
  void forgedOrReflectedRangesAreNotBelieved() {
    alice.knows(bob, bob.address, ranges("10.0.0.1/32"), ranges("10.0.0.2/32"));
    bob.knows(alice, alice.address, ranges("10.0.0.2/32"), ranges("10.0.0.9/32"));
    network.lose = sent -> true;
    network.run(SECONDS.toNanos(30));
    Sent ranges =
        network.seen.stream()
            .filter(s -> s.from().equals(bob.address) && s.bytes()[8] == 5)
            .findFirst()
            .orElseThrow();
    network.lose = sent -> sent.from().equals(alice.address) || sent.bytes()[8] != 5;
    network.transmit(alice.address, bob.address, ranges.bytes());
    for (int i = 4; i < ranges.bytes().length; i++) {
      byte[] forged = ranges.bytes().clone();
      forged[i] ^= 1;
      network.lose = sent -> sent.bytes() != forged;
      network.transmit(bob.address, alice.address, forged);
      network.run(SECONDS.toNanos(1));
    }
    assertEquals(List.of(), alice.notices());
    assertEquals(List.of(), bob.notices());
    network.lose = sent -> false;
    network.transmit(bob.address, alice.address, ranges.bytes());
    network.settle();
    assertEquals(1, alice.notices().size(), "the check can see it");
  }

  @Test
  void whoListensDoesNotLearnTheRanges() {
    alice.knows(bob, bob.address, ranges("10.0.0.1/32", "10.77.0.0/16"), ranges("10.0.0.2/32"));
    network.run(SECONDS.toNanos(1000));
    List<byte[]> told =
        network.seen.stream().map(Sent::bytes).filter(bytes -> bytes[8] == 5).toList();
    assertTrue(told.size() >= 2, "told " + told.size());
    int prefix = 10 << 24 | 77 << 16;
    for (byte[] bytes : told) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      for (int i = 0; i + 4 <= bytes.length; i++) {
        assertNotEquals(prefix, buffer.getInt(i));
      }
    }
    byte[] first = Arrays.copyOfRange(told.get(0), 28, told.get(0).length - 32);
    byte[] second = Arrays.copyOfRange(told.get(1), 28, told.get(1).length - 32);
    assertFalse(Arrays.equals(first, second), "another mask each time");
  }

  @Test
  void tooManyRangesForOneMessageAreNotSaid() {
    Prefix[] many = new Prefix[300];
    for (int i = 0; i < many.length; i++) {
      many[i] = Prefix.parse("10.1." + i % 256 + "." + (i / 256) + "/32");
    }
    alice.knows(bob, bob.address, List.of(many), ranges("10.0.0.2/32"));
    network.run(SECONDS.toNanos(60));
    assertTrue(network.seen.stream().allMatch(sent -> sent.bytes().length == 4 + 76));
  }
}
