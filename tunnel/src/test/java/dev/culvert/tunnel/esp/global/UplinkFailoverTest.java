// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Alice's uplink is lost, and she goes on through another, with another source address. */
final class UplinkFailoverTest {
  private static final Endpoint SECOND = Endpoint.of(IpAddress.parse("198.51.100.1"), 4500);
  private static final Endpoint SECOND_V6 = Endpoint.of(IpAddress.parse("2001:db8::1"), 4500);

  private final GlobalStation alice = new GlobalStation("alice", 1, true);
  private final GlobalStation bob = new GlobalStation("bob", 2, true);
  private final Endpoint first = alice.address;
  private SimulatedNetwork network;
  private int number;

  @BeforeEach
  void connect() {
    alice.knows(bob);
    bob.knows(alice, List.of(SECOND.address(), SECOND_V6.address()));
    network = new SimulatedNetwork(1, alice, bob);
    network.settle();
    network.send(alice, bob, ++number);
    network.send(bob, alice, number);
    network.settle();
    assertTrue(
        bob.deliveredNumbers().contains(number) && alice.deliveredNumbers().contains(number));
  }

  /** Packets each 100 ms until the last one arrives. */
  private long secondsUntil(GlobalStation from, GlobalStation to, long limit, boolean both) {
    for (long waited = 0; waited < SECONDS.toNanos(limit); waited += MILLISECONDS.toNanos(100)) {
      network.send(from, to, ++number);
      if (both) {
        network.send(to, from, number);
      }
      network.run(MILLISECONDS.toNanos(100));
      if (to.deliveredNumbers().contains(number)
          && (!both || from.deliveredNumbers().contains(number))) {
        return waited / SECONDS.toNanos(1);
      }
    }
    return limit;
  }

  @ParameterizedTest
  @ValueSource(strings = {"198.51.100.1", "2001:db8::1"})
  void trafficGoesOnAtOnceFromAnAddressThatThePeerKnows(String address) {
    alice.address = Endpoint.of(IpAddress.parse(address), 4500);
    assertEquals(0, secondsUntil(alice, bob, 30, true));
    assertEquals(0, bob.drops(DropReason.UNKNOWN_SA));
    alice.address = first;
    assertEquals(0, secondsUntil(alice, bob, 30, true), "and back again");
  }

  /** When nothing comes from alice's last address, bob's hellos go to her other ones. */
  @Test
  void whoOnlyReceivesIsFoundAtTheOtherAddressThoughItsSignOfLifeIsLost() {
    network.run(SECONDS.toNanos(20));
    alice.address = SECOND;
    assertTrue(secondsUntil(bob, alice, 60, false) <= 20);
  }

  @Test
  void aRestartedNodeIsGivenKeysAtItsOtherAddress() {
    GlobalStation reborn = new GlobalStation("alice", 1, true, 77);
    reborn.knows(bob);
    reborn.address = SECOND;
    long now = network.now;
    network = new SimulatedNetwork(2, reborn, bob);
    network.now = now;
    network.settle();
    assertTrue(secondsUntil(reborn, bob, 30, true) <= 1);
  }

  @Test
  void fromAnAddressThatThePeerDoesNotKnowNothingIsTakenAndAllOfItCounted() {
    alice.address = Endpoint.of(IpAddress.parse("198.51.100.9"), 4500);
    assertEquals(40, secondsUntil(alice, bob, 40, true));
    assertEquals(400, bob.drops(DropReason.UNKNOWN_SA));
    assertTrue(bob.drops(DropReason.BAD_HANDSHAKE) > 0, "hellos");
    alice.address = first;
    assertEquals(0, secondsUntil(alice, bob, 30, true), "back at a known address");
  }

  @Test
  void anAddressThatIsTakenAwayIsNobodysFromThenOnWhileTheKeysStay() {
    alice.address = SECOND;
    assertEquals(0, secondsUntil(alice, bob, 30, true));
    long hellos = network.seen.size();
    alice.address = first;
    bob.knows(alice, List.of());
    assertEquals(0, secondsUntil(alice, bob, 30, true), "at the endpoint, under the same keys");
    assertTrue(network.seen.size() - hellos <= 4, "no exchange");
    alice.address = SECOND;
    assertEquals(3, secondsUntil(alice, bob, 3, true));
  }
}
