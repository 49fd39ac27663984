// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A machine that was restored from a snapshot seals nothing under keys of its former life. */
final class RestoreTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  /** Whether two data messages of alice have one key and nonce; index and counter name them. */
  private boolean anyNonceTwice() {
    List<SimulatedNetwork.Sent> sent = network.sentBy(alice, DataMessages.DATA);
    Set<String> nonces = new HashSet<>();
    for (SimulatedNetwork.Sent message : sent) {
      ByteBuffer bytes = ByteBuffer.wrap(message.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      nonces.add(
          bytes.getInt(DataMessages.DATA_RECEIVER)
              + " "
              + bytes.getLong(DataMessages.DATA_COUNTER));
    }
    return nonces.size() < sent.size();
  }

  /** Sends, and is then as it was before it sent. */
  private Session sendAndRestore() {
    network.send(alice, bob, 0);
    network.settle();
    Session session = alice.session(bob);
    // The keepalive, and packet 0.
    long snapshot = network.sentBy(alice, DataMessages.DATA).size();
    network.send(alice, bob, 1, 2, 3);
    network.settle();
    session.skipTo(snapshot);
    return session;
  }

  @Test
  void aRestoredMachineThatNoticesNothingUsesNoncesTwice() {
    sendAndRestore();
    network.send(alice, bob, 4, 5, 6);
    assertTrue(anyNonceTwice(), "the test can see it");
  }

  @Test
  void aRestoredMachineSealsNothingUnderAnOldKeyAndIsConnectedAfterOneHandshake() {
    Session before = sendAndRestore();
    alice.engine.distrustKeys("a test");
    assertEquals(SealResult.STAGED, network.send(alice, bob, 4, 5, 6));
    assertEquals(Long.MIN_VALUE, alice.engine.nextDeadlineNanos());
    network.settle();
    assertFalse(anyNonceTwice());
    assertNotSame(before, alice.session(bob));
    assertEquals(1 + 3 + 3, bob.delivered.size());
    network.send(bob, alice, 7);
    network.settle();
    assertEquals(1, alice.delivered.size());
    assertTrue(alice.events.stream().anyMatch(TunnelEvent.KeysEnded.class::isInstance));
  }

  @Test
  void noKeepaliveOrStagedPacketIsSealedUnderAnOldKeyEither() {
    sendAndRestore();
    alice.engine.distrustKeys("a test");
    alice.peer(bob).sendKeepalive();
    network.settle();
    assertFalse(anyNonceTwice());
  }

  /** Both lives would take one response for theirs, and agree on one key. */
  @Test
  void aHandshakeThatWasUnderWayIsForgotten() {
    network.lose = sent -> sent.type() == Messages.RESPONSE;
    network.send(alice, bob, 0);
    network.settle();
    SimulatedNetwork.Sent response = network.sentBy(bob, Messages.RESPONSE).getFirst();
    alice.engine.distrustKeys("a test");
    network.settle();
    network.lose = sent -> !response.equals(sent);
    alice.receive(response.from(), network.now, response.bytes());
    network.settle();
    assertTrue(alice.peer(bob).sessions().isEmpty());
  }
}
