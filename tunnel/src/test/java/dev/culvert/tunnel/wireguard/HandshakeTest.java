// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.Objects.requireNonNull;
import static java.util.concurrent.TimeUnit.DAYS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.CookieGenerator;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PendingInitiation;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.lang.foreign.ValueLayout;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A WireGuard handshake survives loss, refuses replays, forgeries and wrong keys, and wipes its
 * secrets when it is finished or abandoned.
 */
final class HandshakeTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  @Test
  void firstPacketIsDeliveredAfterOneRoundTripAndAHalf() {
    assertEquals(SealResult.STAGED, network.send(alice, bob, 7));
    network.run(3 * SimulatedNetwork.LATENCY);
    assertEquals(List.of(7), bob.deliveredNumbers());
    assertEquals(3, network.seen.size());
    assertEquals(SealResult.SEALED, network.send(bob, alice, 8));
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

  @Test
  void whoStartsAnewGreetsAndIsSentToAtOnce() {
    network.send(alice, bob, 1);
    network.settle();
    Node again = new Node("bob", 2);
    again.knows(alice);
    SimulatedNetwork later = new SimulatedNetwork(1, alice, again);
    later.now = network.now;
    later.send(alice, again, 2);
    later.settle();
    assertEquals(List.of(), again.deliveredNumbers());
    again.engine.greet();
    later.run(3 * SimulatedNetwork.LATENCY);
    assertEquals(SealResult.SEALED, later.send(alice, again, 3));
    later.settle();
    assertEquals(List.of(3), again.deliveredNumbers());
    later.run(SECONDS.toNanos(10));
    again.engine.greet();
    later.settle();
    assertEquals(1, later.sentBy(again, Messages.INITIATION).size());
  }

  @Test
  void whoStartsAnewGetsTheAnswerToItsFirstPacket() {
    network.send(alice, bob, 1);
    network.settle();
    Node again = new Node("bob", 2);
    again.knows(alice);
    SimulatedNetwork later = new SimulatedNetwork(1, alice, again);
    later.now = network.now;
    later.lose = sent -> sent.type() == DataMessages.DATA;
    later.send(again, alice, 2);
    later.settle();
    byte[] first = later.sentBy(again, DataMessages.DATA).getFirst().bytes();
    later.lose = sent -> false;
    // The lane answers before the control side has its turn.
    alice.receive(again.address, later.now, first);
    assertEquals(List.of(2), alice.deliveredNumbers());
    assertEquals(SealResult.SEALED, later.send(alice, again, 3));
    later.settle();
    assertEquals(List.of(3), again.deliveredNumbers());
    assertEquals(Map.of(), again.drops());
    assertEquals(2, alice.events(TunnelEvent.SessionEstablished.class).size());
  }

  @Test
  void aSessionThatALaneConfirmedIsTheCurrentOneBeforeTheControlSideHearsAndAfter() {
    network.lose = sent -> sent.type() == DataMessages.DATA;
    network.send(alice, bob, 1);
    network.settle();
    WireGuardPeer peer = bob.peer(alice);
    assertNull(peer.sessions().current());
    bob.receive(
        alice.address, network.now, network.sentBy(alice, DataMessages.DATA).getFirst().bytes());
    Session confirmed = bob.session(alice);
    bob.engine.advance(network.now, network.wall(bob));
    assertSame(confirmed, bob.session(alice));
    peer.sessions().clear();
    assertNull(peer.sessions().current());
  }

  @Test
  void anInitiationDoesNotTakeAwayTheSessionThatALaneSendsUnderAlready() {
    network.lose = sent -> sent.type() == DataMessages.DATA;
    network.send(alice, bob, 1);
    network.settle();
    byte[] first = network.sentBy(alice, DataMessages.DATA).getFirst().bytes();
    Node again = new Node("alice", 1);
    again.knows(bob);
    SimulatedNetwork later = new SimulatedNetwork(1, again);
    later.now = network.now;
    later.send(again, bob, 2);
    later.settle();
    byte[] initiation = later.sentBy(again, Messages.INITIATION).getFirst().bytes();
    List<Node> peers = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      Node peer = new Node("peer", 3 + i);
      bob.peer(peer, peer.address, null, OptionalInt.empty(), Prefix.host(peer.inner).toString());
      peers.add(peer);
    }
    bob.receive(alice.address, network.now, first);
    Session confirmed = bob.session(alice);
    // So many come first that the control side hears of the initiation before.
    peers.forEach(peer -> bob.seal(peer, network.now, 1));
    bob.receive(alice.address, network.now, initiation);
    bob.engine.advance(network.now, network.wall(bob));
    assertSame(confirmed, bob.session(alice));
  }

  @Test
  void whoLearnsOfAPeerLaterGreetsItAndBothCanSendAtOnce() {
    Node carol = new Node("carol", 3);
    alice.knows(carol);
    network.add(carol);
    network.send(alice, carol, 1);
    network.run(SECONDS.toNanos(2));
    assertEquals(1, carol.drops(DropReason.BAD_HANDSHAKE));
    carol.knows(alice);
    carol.engine.greet();
    network.run(MILLISECONDS.toNanos(10));
    assertEquals(List.of(1), carol.deliveredNumbers());
    assertEquals(SealResult.SEALED, network.send(carol, alice, 2));
  }

  @Test
  void eachPeerIsGreetedOnce() {
    alice.engine.greet();
    network.settle();
    network.run(SECONDS.toNanos(700));
    assertTrue(alice.peer(bob).sessions().isEmpty());
    alice.engine.greet();
    network.settle();
    assertEquals(1, network.sentBy(alice, Messages.INITIATION).size());
  }

  @Test
  void silentPeerIsGreetedForFifteenSecondsUnlessDataWaits() {
    network.lose = sent -> true;
    alice.engine.greet();
    network.run(SECONDS.toNanos(300));
    assertEquals(3, network.seen.size());
    Node carol = new Node("carol", 3);
    alice.knows(carol);
    alice.engine.greet();
    network.settle();
    network.send(alice, carol, 1);
    network.run(SECONDS.toNanos(300));
    assertEquals(3 + 1 + 18, network.seen.size());
  }

  @Test
  void manyAreGreetedOneAfterTheOther() {
    for (int i = 0; i < 249; i++) {
      Node peer = new Node("peer", 3 + i);
      alice.peer(peer, i < 224 ? peer.address : null, null, OptionalInt.empty(), "10.1.0." + i);
    }
    alice.engine.greet();
    long began = network.now;
    network.run(SECONDS.toNanos(2));
    List<SimulatedNetwork.Sent> greetings = network.sentBy(alice, Messages.INITIATION);
    assertEquals(225, greetings.size(), "bob and whoever can be reached");
    for (int tenth = 0; tenth < 5; tenth++) {
      long from = began + tenth * MILLISECONDS.toNanos(100);
      long sent =
          greetings.stream()
              .filter(s -> s.at() > from && s.at() <= from + MILLISECONDS.toNanos(100))
              .count();
      assertTrue(sent > 10 && sent < 90, sent + " of 45 in the tenth of a second " + tenth);
    }
  }

  @Test
  void sessionsThatBeganAtTheSameMomentAreRenewedWithoutLoss() {
    network.send(alice, bob, 0);
    network.send(bob, alice, 0);
    network.settle();
    for (int second = 1; second <= 400; second++) {
      network.run(SECONDS.toNanos(1));
      network.send(alice, bob, second);
      network.send(bob, alice, second);
    }
    network.settle();
    assertEquals(401, alice.delivered.size());
    assertEquals(401, bob.delivered.size());
  }

  @Test
  void sharedPresharedKeyCompletes() {
    alice.peer(bob, bob.address, presharedKey(1), OptionalInt.empty());
    bob.peer(alice, alice.address, presharedKey(1), OptionalInt.empty());
    network.send(alice, bob, 7);
    network.settle();
    assertEquals(List.of(7), bob.deliveredNumbers());
  }

  @Test
  void differentPresharedKeysNeverComplete() {
    alice.peer(bob, bob.address, presharedKey(1), OptionalInt.empty());
    bob.peer(alice, alice.address, presharedKey(2), OptionalInt.empty());
    network.send(alice, bob, 7);
    network.send(bob, alice, 7);
    network.run(SECONDS.toNanos(100));
    assertEquals(List.of(), alice.events(TunnelEvent.SessionEstablished.class));
    assertEquals(List.of(), bob.events(TunnelEvent.SessionEstablished.class));
    assertTrue(alice.drops(DropReason.BAD_HANDSHAKE) > 0);
    assertEquals(List.of(), bob.delivered);
  }

  @Test
  void changedPresharedKeyLeavesTheSessionAndCountsFromTheNextHandshake() {
    network.send(alice, bob, 1);
    network.settle();
    alice.peer(bob, null, presharedKey(1), OptionalInt.empty());
    network.send(alice, bob, 2);
    network.send(bob, alice, 3);
    network.settle();
    assertEquals(List.of(1, 2), bob.deliveredNumbers());
    assertEquals(List.of(3), alice.deliveredNumbers());
    network.run(SECONDS.toNanos(181));
    network.send(alice, bob, 4);
    network.settle();
    assertEquals(1, alice.drops(DropReason.BAD_HANDSHAKE));
    bob.peer(alice, null, presharedKey(1), OptionalInt.empty());
    network.run(SECONDS.toNanos(6));
    assertEquals(List.of(1, 2, 4), bob.deliveredNumbers());
  }

  @Test
  void replayedInitiationIsRefused() {
    network.send(alice, bob, 7);
    network.settle();
    byte[] initiation = network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
    network.transmit(alice.address, bob.address, initiation);
    network.settle();
    assertEquals(1, bob.drops(DropReason.STALE_TIMESTAMP));
    assertEquals(
        List.of(new TunnelEvent.HandshakeRefused(alice.address, DropReason.STALE_TIMESTAMP)),
        bob.events(TunnelEvent.HandshakeRefused.class));
    assertEquals(1, network.sentBy(bob, Messages.RESPONSE).size());
    network.send(alice, bob, 8);
    network.settle();
    assertEquals(List.of(7, 8), bob.deliveredNumbers());
  }

  @Test
  void initiationsOfOnePeerCloserThanTwentyMillisecondsAreNotConsumed() {
    byte[] first = initiation();
    network.run(SECONDS.toNanos(6));
    byte[] second = network.sentBy(alice, Messages.INITIATION).getLast().bytes();
    bob.receive(alice.address, network.now, first);
    bob.receive(alice.address, network.now, second);
    network.run(1);
    assertEquals(1, bob.drops(DropReason.RATE_LIMITED));
    assertEquals(1, network.sentBy(bob, Messages.RESPONSE).size());
  }

  @Test
  void handshakeOfAPeerOfKnownAddressesIsRefusedFromAnotherOneAndTakenFromTheRightOne() {
    bob.apply(Updates.heardAt(alice.publicKey, alice.address.address()));
    byte[] initiation = initiation();
    bob.receive(Endpoint.of(IpAddress.parse("198.51.100.9"), 4711), network.now, initiation);
    network.run(1);
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    assertEquals(0, network.sentBy(bob, Messages.RESPONSE).size());
    bob.receive(alice.address, network.now, initiation);
    network.run(1);
    assertEquals(1, network.sentBy(bob, Messages.RESPONSE).size());
    assertEquals(alice.address, bob.peer(alice).endpoint());
    bob.engine.apply(Updates.replacing(Updates.peer(alice.publicKey, null, "10.0.0.1/32")));
    assertEquals(Set.of(), bob.peer(alice).addresses(), "as a peer of wg setconf");
  }

  /** An initiation of alice's that does not arrive, nor do those after it. */
  private byte[] initiation() {
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(0);
    return network.sentBy(alice, Messages.INITIATION).getFirst().bytes();
  }

  @Test
  void replayedResponseMakesNoSecondSession() {
    network.send(alice, bob, 7);
    network.settle();
    Session session = alice.peer(bob).sessions().current();
    byte[] response = network.sentBy(bob, Messages.RESPONSE).getFirst().bytes();
    network.transmit(bob.address, alice.address, response);
    network.settle();
    assertEquals(1, alice.drops(DropReason.UNKNOWN_INDEX));
    assertSame(session, alice.peer(bob).sessions().current());
  }

  @Test
  void responseToAnInitiationThatWasRepeatedComesTooLate() {
    network.lose = sent -> network.seen.size() > 1;
    network.send(alice, bob, 7);
    network.run(SECONDS.toNanos(6));
    assertEquals(2, network.sentBy(alice, Messages.INITIATION).size());
    byte[] late = network.sentBy(bob, Messages.RESPONSE).getFirst().bytes();
    alice.receive(bob.address, network.now, late);
    network.run(1);
    assertEquals(Map.of(DropReason.UNKNOWN_INDEX, 1L), alice.drops());
  }

  @Test
  void forgedResponseDoesNotSpoilTheWaitForTheTrueOne() {
    network.lose = sent -> sent.type() == Messages.RESPONSE;
    network.send(alice, bob, 7);
    network.run(MILLISECONDS.toNanos(10));
    byte[] response = network.sentBy(bob, Messages.RESPONSE).getFirst().bytes();
    byte[] forged = response.clone();
    forged[Messages.RESPONSE_NOISE + 3] ^= 1;
    new CookieGenerator(alice.publicKey, WireGuardEngine.LABELS).addMacs(forged, network.now);
    alice.receive(bob.address, network.now, forged);
    network.run(1);
    assertEquals(1, alice.drops(DropReason.BAD_HANDSHAKE));
    alice.receive(bob.address, network.now, response);
    network.settle();
    assertEquals(List.of(7), bob.deliveredNumbers());
  }

  @Test
  void noBitOfAnInitiationMayChangeButThoseOfMac2() {
    byte[] initiation = initiation();
    int bits = 8 * (Messages.INITIATION_LENGTH - Messages.MAC_LENGTH);
    for (int bit = 0; bit < bits; bit++) {
      byte[] changed = initiation.clone();
      changed[bit / 8] ^= (byte) (1 << bit % 8);
      bob.receive(alice.address, network.now, changed);
    }
    network.run(1);
    assertEquals(bits, bob.drops().values().stream().mapToLong(Long::longValue).sum());
    assertEquals(bits - 32, bob.drops(DropReason.BAD_MAC1));
    assertEquals(List.of(), network.sentBy(bob, Messages.RESPONSE));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 31, 32, 79, 80, 107})
  void forgedNoiseUnderAGoodMac1IsRefused(int offset) {
    byte[] forged = initiation();
    forged[Messages.INITIATION_NOISE + offset] ^= 1;
    new CookieGenerator(bob.publicKey, WireGuardEngine.LABELS).addMacs(forged, network.now);
    bob.receive(alice.address, network.now, forged);
    network.run(1);
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    assertEquals(List.of(), network.sentBy(bob, Messages.RESPONSE));
  }

  @Test
  void secretsOfAFinishedHandshakeAreWiped() {
    network.send(alice, bob, 7);
    network.run(0);
    PendingInitiation finished = requireNonNull(alice.peer(bob).handshake().pending());
    network.settle();
    assertThrows(IllegalStateException.class, finished.ephemeral()::toByteArray);
    assertArrayEquals(new byte[Messages.KEY_LENGTH], finished.noise().handshakeHash());
    assertNull(alice.peer(bob).handshake().pending());
  }

  @Test
  void secretsOfAnAbandonedHandshakeAreWiped() {
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(0);
    PendingInitiation first = requireNonNull(alice.peer(bob).handshake().pending());
    network.run(SECONDS.toNanos(80));
    assertThrows(IllegalStateException.class, first.ephemeral()::toByteArray);
    PendingInitiation last = requireNonNull(alice.peer(bob).handshake().pending());
    network.run(SECONDS.toNanos(20));
    assertThrows(IllegalStateException.class, last.ephemeral()::toByteArray);
    assertArrayEquals(new byte[Messages.KEY_LENGTH], last.noise().handshakeHash());
  }

  @Test
  void strangerIsNotAnswered() {
    Node mallory = new Node("mallory", 3);
    mallory.knows(bob);
    SimulatedNetwork three = new SimulatedNetwork(1, bob, mallory);
    three.send(mallory, bob, 7);
    three.settle();
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    assertEquals(0, bob.drops(DropReason.BAD_MAC1));
    assertEquals(1, three.seen.size());
  }

  @Test
  void keyOfLowOrderNeverGetsAHandshake() {
    PublicKey lowOrder = PublicKey.of(new byte[PublicKey.LENGTH]);
    alice.apply(
        new PeerUpdate(
            lowOrder,
            false,
            false,
            null,
            bob.address,
            OptionalInt.of(1),
            false,
            List.of(new PeerUpdate.AllowedIpChange(Prefix.parse("10.9.0.0/16"), false))));
    network.run(SECONDS.toNanos(30));
    assertEquals(List.of(), network.seen);
  }

  @Test
  void lostInitiationIsRepeatedAfterFiveSecondsAndAJitter() {
    network.lose = sent -> network.seen.size() == 1;
    network.send(alice, bob, 7);
    network.run(SECONDS.toNanos(7));
    List<SimulatedNetwork.Sent> initiations = network.sentBy(alice, Messages.INITIATION);
    assertEquals(2, initiations.size());
    long wait = initiations.get(1).at() - initiations.get(0).at() - SECONDS.toNanos(5);
    assertTrue(wait >= 0 && wait < MILLISECONDS.toNanos(334), "jitter " + wait);
    assertEquals(List.of(7), bob.deliveredNumbers());
  }

  @Test
  void retryLetsTheKernelChooseTheSourceAnew() {
    Endpoint sticky =
        new Endpoint(
            bob.address.address(), bob.address.port(), 0, IpAddress.parse("192.0.2.200"), 7);
    alice.peer(bob).endpoint(sticky);
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(SECONDS.toNanos(5) - 1);
    assertEquals(sticky, alice.peer(bob).endpoint());
    network.run(SECONDS.toNanos(1));
    assertEquals(bob.address, alice.peer(bob).endpoint());
  }

  @Test
  void handshakeIsAbandonedAfterEighteenAttempts() {
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(SECONDS.toNanos(300));
    assertEquals(18, network.seen.size());
    assertEquals(
        List.of(new TunnelEvent.HandshakeAbandoned(bob.publicKey.toString(), 18)),
        alice.events(TunnelEvent.HandshakeAbandoned.class));
    assertEquals(1, alice.drops(DropReason.NO_SESSION));
    long tried = network.seen.getLast().at() - network.seen.getFirst().at();
    assertTrue(tried >= SECONDS.toNanos(85) && tried < SECONDS.toNanos(91), "tried " + tried);
  }

  @Test
  void packetAfterAbandonmentBeginsAnew() {
    network.lose = sent -> true;
    network.send(alice, bob, 7);
    network.run(SECONDS.toNanos(100));
    network.lose = sent -> false;
    network.send(alice, bob, 8);
    network.settle();
    assertEquals(List.of(8), bob.deliveredNumbers());
  }

  @Test
  void newDataPutsOffAbandonment() {
    network.lose = sent -> true;
    for (int second = 0; second < 200; second++) {
      network.send(alice, bob, second);
      network.run(SECONDS.toNanos(1));
    }
    assertEquals(List.of(), alice.events(TunnelEvent.HandshakeAbandoned.class));
  }

  @Test
  void clockSetBackNeverLowersATimestamp() {
    network.send(alice, bob, 1);
    network.settle();
    alice.clockSkew = -DAYS.toNanos(365);
    network.run(SECONDS.toNanos(200));
    network.send(alice, bob, 2);
    network.settle();
    assertEquals(List.of(1, 2), bob.deliveredNumbers());
    assertEquals(0, bob.drops(DropReason.STALE_TIMESTAMP));
  }

  @Test
  void restartWithAClockOf1970NeedsTheTimestampThatWasAnswered() {
    network.send(alice, bob, 1);
    network.settle();
    Instant answered = alice.events(TunnelEvent.TimestampAnswered.class).getFirst().timestamp();
    Node reborn = new Node("alice", 1);
    reborn.knows(bob);
    reborn.clockSkew = -DAYS.toNanos(19_000);
    SimulatedNetwork later = new SimulatedNetwork(1, reborn, bob);
    later.run(SECONDS.toNanos(200));
    later.send(reborn, bob, 2);
    later.settle();
    assertEquals(1, bob.drops(DropReason.STALE_TIMESTAMP));
    reborn.engine.minimumTimestamp(answered);
    later.run(SECONDS.toNanos(6));
    assertEquals(List.of(1, 2), bob.deliveredNumbers());
  }

  @Test
  void peerWithoutEndpointIsNotInitiatedTo() {
    Node carol = new Node("carol", 3);
    Node dave = new Node("dave", 4);
    carol.peer(dave, null, null, OptionalInt.of(1), "10.0.0.4/32");
    SimulatedNetwork other = new SimulatedNetwork(1, carol, dave);
    assertEquals(SealResult.DROPPED, other.send(carol, dave, 1, 2));
    other.run(SECONDS.toNanos(60));
    assertEquals(2, carol.drops(DropReason.NO_ENDPOINT));
    assertEquals(List.of(), other.seen);
  }

  @Test
  void keyLogIsToldTheEphemeralKeyOfTheMessage() {
    Map<PublicKey, PublicKey> logged = new HashMap<>();
    WireGuardEngine engine =
        new WireGuardEngine(
            Node.backend(),
            Node.seeded(9),
            (peer, ephemeral) -> logged.put(peer, PublicKey.of(X25519.publicKey(ephemeral))));
    engine.apply(
        new DeviceUpdate(
            presharedKey(7),
            OptionalInt.empty(),
            OptionalInt.empty(),
            false,
            List.of(
                new PeerUpdate(
                    bob.publicKey,
                    false,
                    false,
                    null,
                    bob.address,
                    OptionalInt.of(25),
                    false,
                    List.of()))));
    engine.advance(0, 0);
    assertTrue(engine.pollTransmit(alice.datagram, 0));
    byte[] sent =
        alice
            .datagram
            .memory()
            .asSlice(Messages.INITIATION_NOISE, PublicKey.LENGTH)
            .toArray(ValueLayout.JAVA_BYTE);
    assertEquals(Map.of(bob.publicKey, PublicKey.of(sent)), logged);
  }

  private static SecretBytes presharedKey(int value) {
    byte[] key = new byte[Messages.KEY_LENGTH];
    Arrays.fill(key, (byte) value);
    return SecretBytes.owning(key);
  }
}
