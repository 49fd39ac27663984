// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A fault in the work for one peer costs no other peer its turn. */
final class IsolationTest {
  /** Fails once when it is told to. */
  private static final class FaultyRandom extends SecureRandom {
    private static final long serialVersionUID = 1L;
    private boolean failing;

    @Override
    public void nextBytes(byte[] bytes) {
      if (failing) {
        failing = false;
        throw new IllegalStateException("no randomness, on purpose");
      }
      super.nextBytes(bytes);
    }
  }

  private final FaultyRandom random = new FaultyRandom();
  private final Node alice = new Node("alice", 1, Limits.OF_THE_PAPER, Node.backend(), random);
  private final Node bob = new Node("bob", 2);
  private final Node carol = new Node("carol", 3);
  private final SimulatedNetwork network = new SimulatedNetwork(1, alice, bob, carol);

  private void introduce() {
    alice.knows(bob);
    bob.knows(alice);
    alice.knows(carol);
    carol.knows(alice);
  }

  private List<TunnelEvent.WorkFailed> failures() {
    return alice.events.stream()
        .filter(TunnelEvent.WorkFailed.class::isInstance)
        .map(TunnelEvent.WorkFailed.class::cast)
        .toList();
  }

  @Test
  void aTimerThatFailsForOnePeerIsRunForTheNextAndTheFirstRecovers() {
    introduce();
    network.lose = sent -> true;
    network.send(alice, bob, 1);
    network.send(alice, carol, 2);
    network.settle();
    network.seen.clear();
    random.failing = true;
    network.run(SECONDS.toNanos(6));
    assertEquals(1, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(1, failures().size());
    assertTrue(
        Set.of(bob.publicKey.toString(), carol.publicKey.toString())
            .contains(failures().getFirst().peer()));
    assertEquals(1, alice.drops(DropReason.INTERNAL_ERROR));
    network.lose = sent -> false;
    network.send(alice, bob, 3);
    network.run(SECONDS.toNanos(12));
    assertFalse(bob.delivered.isEmpty());
    assertFalse(carol.delivered.isEmpty());
  }

  @Test
  void aHandshakeThatFailsForOnePeerLeavesTheOthersTheirTurn() {
    introduce();
    alice.peer(bob).handshake().presharedKey().close();
    network.send(alice, bob, 1);
    network.send(alice, carol, 2);
    network.settle();
    assertTrue(bob.delivered.isEmpty());
    assertEquals(1, carol.delivered.size());
    assertEquals(1, failures().size());
  }
}
