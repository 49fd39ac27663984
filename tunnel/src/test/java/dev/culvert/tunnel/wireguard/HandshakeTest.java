package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.Verdict;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class HandshakeTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  @Test
  void firstPacketIsDeliveredAfterOneRoundTripAndAHalf() {
    assertEquals(Verdict.STAGED, network.send(alice, bob, 7));
    network.run(3 * SimulatedNetwork.LATENCY);
    assertEquals(List.of(7), bob.deliveredNumbers());
    assertEquals(3, network.seen.size());
    assertEquals(Verdict.SEALED, network.send(bob, alice, 8));
    network.run(SimulatedNetwork.LATENCY);
    assertEquals(List.of(8), alice.deliveredNumbers());
    assertEquals(Map.of(), alice.drops());
    assertEquals(Map.of(), bob.drops());
  }

  @Test
  void bothEndsLearnTheirRoleAndTheInitiatorLearnsThatItsTimestampWasTaken() {
    network.send(alice, bob, 7);
    network.settle();
    assertEquals(
        List.of(new TunnelEvent.SessionEstablished(bob.publicKey.toString(), bob.address, true)),
        alice.events(TunnelEvent.SessionEstablished.class));
    assertEquals(
        List.of(
            new TunnelEvent.SessionEstablished(alice.publicKey.toString(), alice.address, false)),
        bob.events(TunnelEvent.SessionEstablished.class));
    assertEquals(1, alice.events(TunnelEvent.TimestampAnswered.class).size());
  }

  @Test
  void simultaneousInitiationsConvergeAtOnce() {
    network.send(alice, bob, 1);
    network.send(bob, alice, 2);
    network.settle();
    assertEquals(List.of(1), bob.deliveredNumbers());
    assertEquals(List.of(2), alice.deliveredNumbers());
    network.send(alice, bob, 3);
    network.send(bob, alice, 4);
    network.run(MILLISECONDS.toNanos(50));
    assertEquals(List.of(1, 3), bob.deliveredNumbers());
    assertEquals(List.of(2, 4), alice.deliveredNumbers());
    assertEquals(0, alice.drops(DropReason.BAD_HANDSHAKE) + bob.drops(DropReason.BAD_HANDSHAKE));
    assertEquals(1, network.sentBy(alice, Messages.INITIATION).size());
    assertEquals(1, network.sentBy(bob, Messages.INITIATION).size());
  }
}
