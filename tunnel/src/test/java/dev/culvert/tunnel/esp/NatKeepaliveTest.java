// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** RFC 3948, sections 2.3 and 4, in virtual time. */
final class NatKeepaliveTest {
  private static final int INTERVAL = 20;

  private final EspStation alice = new EspStation("alice", 1);
  private final EspStation bob = new EspStation("bob", 2);
  private final SimulatedNetwork network = new SimulatedNetwork(1, alice, bob);

  @BeforeEach
  void introduce() {
    alice.knows(bob, INTERVAL);
    bob.knows(alice);
    network.now = 0;
  }

  private List<Sent> keepalives() {
    return network.seen.stream().filter(sent -> sent.bytes().length == 1).toList();
  }

  private List<Long> secondsOfKeepalives() {
    return keepalives().stream()
        .map(sent -> SECONDS.convert(sent.at(), java.util.concurrent.TimeUnit.NANOSECONDS))
        .toList();
  }

  @Test
  void oneByteLeavesWheneverNothingElseDidForTheInterval() {
    network.run(SECONDS.toNanos(61));
    assertEquals(List.of(20L, 40L, 60L), secondsOfKeepalives());
    for (Sent sent : keepalives()) {
      assertArrayEquals(new byte[] {(byte) 0xff}, sent.bytes());
      assertEquals(bob.address, sent.to());
    }
    assertEquals(Map.of(DropReason.NAT_KEEPALIVE, 3L), bob.drops());
    assertEquals(keepalives(), network.seen, "bob was not told to, and says nothing");
  }

  @Test
  void sealedPacketsPutItOff() {
    EspStation.join(alice, bob, true, 1, 1);
    for (int second = 0; second < 60; second += 15) {
      network.send(alice, bob, second);
      network.run(SECONDS.toNanos(15));
    }
    assertEquals(List.of(), keepalives());
    network.run(SECONDS.toNanos(6));
    assertEquals(List.of(65L), secondsOfKeepalives());
    assertEquals(List.of(0, 15, 30, 45), bob.deliveredNumbers());
  }

  @Test
  void whatIsReceivedDoesNotPutItOff() {
    EspStation.join(alice, bob, true, 1, 1);
    for (int second = 0; second < 30; second += 5) {
      network.send(bob, alice, second);
      network.run(SECONDS.toNanos(5));
    }
    assertEquals(List.of(20L), secondsOfKeepalives());
  }

  @Test
  void messagesOfTheKeyingPutItOff() {
    network.run(SECONDS.toNanos(15));
    alice.keying.messages.add(new Keying.Message(new byte[] {TestKeying.HELLO}, "bob", null));
    network.run(SECONDS.toNanos(19));
    assertEquals(List.of(), keepalives());
    network.run(SECONDS.toNanos(2));
    assertEquals(List.of(35L), secondsOfKeepalives());
  }

  @Test
  void aPeerThatIsGoneGetsNone() {
    alice.engine.peers(List.of(), network.now);
    network.run(SECONDS.toNanos(100));
    assertEquals(List.of(), network.seen);
  }

  @Test
  void aPeerThatBeginsAnewStaysWhereItWasLearntToBeUntilItsEndpointChanges() {
    Endpoint learnt = Endpoint.of(bob.address.address(), 4711);
    alice.tell(new KeyingEvent.Heard("bob", learnt));
    alice.engine.peers(List.of(bobAt(bob.address, 7)), network.now);
    assertEquals(learnt, alice.peer(bob).endpoint());
    Endpoint other = Endpoint.of(bob.address.address(), 4501);
    alice.engine.peers(List.of(bobAt(other, 7)), network.now);
    assertEquals(other, alice.peer(bob).endpoint());
  }

  private EspPeerSettings bobAt(Endpoint endpoint, int keepaliveSeconds) {
    return new EspPeerSettings(
        "bob",
        alice.address.address(),
        bob.address.address(),
        endpoint,
        alice.selectors(bob),
        EspPeerSettings.Binding.SELECTORS,
        keepaliveSeconds);
  }

  @Test
  void intervalIsBounded() {
    assertThrows(IllegalArgumentException.class, () -> alice.knows(bob, 65_536));
    assertThrows(IllegalArgumentException.class, () -> alice.knows(bob, -1));
  }
}
