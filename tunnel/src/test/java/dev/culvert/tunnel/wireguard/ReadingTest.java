// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Metrics tell peers without traffic from peers that do not answer, and sums never fall. */
final class ReadingTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  private EngineReading reading() {
    return alice.engine.reading(network.now);
  }

  private PeerState state() {
    return reading().peers().getFirst().state();
  }

  private void establish() {
    network.send(alice, bob, 0);
    network.settle();
    network.send(bob, alice, 0);
    network.settle();
  }

  @Test
  void aPeerWithoutTrafficIsIdleAndNeverStale() {
    assertEquals(PeerState.NEVER, state());
    establish();
    assertEquals(PeerState.ESTABLISHED, state());
    network.run(SECONDS.toNanos(400));
    assertEquals(PeerState.IDLE, state());
    network.send(alice, bob, 1);
    network.settle();
    assertEquals(PeerState.ESTABLISHED, state());
  }

  @Test
  void aPeerThatDoesNotAnswerIsStaleSoonAndNotForEver() {
    network.lose = sent -> true;
    network.send(alice, bob, 0);
    network.run(SECONDS.toNanos(1));
    assertEquals(PeerState.HANDSHAKING, state());
    network.run(SECONDS.toNanos(10));
    assertEquals(PeerState.STALE, state());
    network.run(SECONDS.toNanos(90 + 60));
    assertEquals(PeerState.NEVER, state(), "nobody wants it any more");
    assertEquals(Map.of(HandshakeOutcome.ABANDONED, 1L), reading().handshakes());
  }

  @Test
  void aPeerThatDiesIsStaleBeforeItsKeysEnd() {
    establish();
    network.lose = sent -> true;
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(30));
    assertEquals(PeerState.STALE, state());
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(6));
    assertEquals(PeerState.ESTABLISHED, state());
  }

  @Test
  void bothEndsCountAHandshakeThatSucceeds() {
    establish();
    assertEquals(Map.of(HandshakeOutcome.INITIATED, 1L), reading().handshakes());
    assertEquals(
        Map.of(HandshakeOutcome.ANSWERED, 1L), bob.engine.reading(network.now).handshakes());
  }

  @Test
  void theBytesOfAPeerThatIsRemovedStayInTheSum() {
    establish();
    EngineReading before = reading();
    assertTrue(before.txBytes() > 0 && before.rxBytes() > 0);
    assertEquals(before.peers().getFirst().txBytes(), before.txBytes());
    alice.engine.apply(Updates.replacing());
    EngineReading after = reading();
    assertEquals(List.of(), after.peers());
    assertEquals(before.txBytes(), after.txBytes());
    assertEquals(before.rxBytes(), after.rxBytes());
  }
}
