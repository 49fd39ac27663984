// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.noise.CookieGenerator;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The claims of docs/esp-noise.md, one by one: restarts and attackers. */
final class NoiseAttackTest extends NoiseScene {
  // Restarts

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aRestartedEndIsKeyedAnewAtOnceThoughOnlyTheOtherSends(boolean aliceRestarts) {
    network.settle();
    NoiseStation reborn = aliceRestarts ? alice : bob;
    NoiseStation other = aliceRestarts ? bob : alice;
    reborn.restart(99, network.now);
    network.run(MILLISECONDS.toNanos(100));
    network.send(other, reborn, 1);
    network.settle();
    assertEquals(List.of(1), reborn.deliveredNumbers());
    assertConnected();
  }

  private void restartBothOften(boolean aliceRandom, boolean bobRandom) {
    for (int i = 0; i < 300; i++) {
      network.run(SECONDS.toNanos(1));
      network.send(alice, bob, 3 * i, 3 * i + 1);
      network.send(bob, alice, 3 * i);
      network.settle();
      alice.restart(aliceRandom ? 10_000 + i : 5, network.now);
      bob.restart(bobRandom ? 20_000 + i : 6, network.now);
    }
  }

  @Test
  void noKeyAndIvIsMetTwiceOverManyRestartsOfBothEnds() {
    restartBothOften(true, true);
    assertEquals(0, sealed.repeated);
    assertTrue(sealed.ivs.size() >= 600, "keys: " + sealed.ivs.size());
    assertEquals(600, bob.delivered.size());
  }

  @Test
  void theCheckForRepeatedKeysFindsAFixedRandomnessOfBothEnds() {
    restartBothOften(false, false);
    assertTrue(sealed.repeated > 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void onePredictableEndAloneRepeatsNoKey(boolean aliceRandom) {
    restartBothOften(aliceRandom, !aliceRandom);
    assertEquals(0, sealed.repeated);
  }

  @Test
  void aMachineRestoredFromASnapshotMakesAllKeysAnew() {
    network.settle();
    SaKeyId before = sendKey(alice);
    long used = sealed.packets();
    alice.engine().distrustKeys("a test");
    network.send(alice, bob, 1);
    assertEquals(used, sealed.packets(), "nothing is sealed under a key of before");
    network.run(SECONDS.toNanos(1));
    assertNotEquals(before, sendKey(alice));
    assertConnected();
  }

  // Attackers

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void lossReorderingDuplicationAndCorruptionCostPacketsButNothingElse(long seed) {
    SimulatedNetwork hostile = new SimulatedNetwork(seed, alice, bob);
    hostile.lossRate = 0.2;
    hostile.duplicateRate = 0.2;
    hostile.corruptRate = 0.05;
    hostile.maxDelay = MILLISECONDS.toNanos(800);
    Random random = new Random(seed);
    for (int i = 0; i < 1500; i++) {
      hostile.run(MILLISECONDS.toNanos(random.nextInt(600)));
      hostile.send(alice, bob, i);
      hostile.send(bob, alice, i);
    }
    hostile.lossRate = hostile.duplicateRate = hostile.corruptRate = 0;
    hostile.run(SECONDS.toNanos(20));
    hostile.send(alice, bob, 9001);
    hostile.send(bob, alice, 9002);
    hostile.settle();
    for (NoiseStation station : List.of(alice, bob)) {
      List<Integer> numbers = station.deliveredNumbers();
      assertEquals(numbers.size(), new HashSet<>(numbers).size(), "delivered twice");
      assertTrue(numbers.size() > 1500 * 0.7, "delivered " + numbers.size());
    }
    assertTrue(bob.deliveredNumbers().contains(9001));
    assertTrue(alice.deliveredNumbers().contains(9002));
    assertEquals(0, sealed.repeated);
  }

  private void replay(Sent sent) {
    network.transmit(sent.from(), sent.to(), sent.bytes());
  }

  @Test
  void everythingEverSaidReplayedChangesNothing() {
    network.settle();
    for (int second = 0; second < 270; second++) {
      network.send(alice, bob, second);
      network.send(bob, alice, second);
      network.run(SECONDS.toNanos(1));
    }
    Set<SaKeyId> before = keys();
    int delivered = alice.delivered.size() + bob.delivered.size();
    List<Sent> all = List.copyOf(network.seen);
    network.seen.clear();
    all.forEach(this::replay);
    network.settle();
    assertEquals(before, keys());
    assertEquals(delivered, alice.delivered.size() + bob.delivered.size());
    assertEquals(Set.of(), without(network.seen, all), "said in answer");
    assertConnected();
  }

  private static Set<ByteBuffer> without(List<Sent> some, List<Sent> others) {
    Set<ByteBuffer> rest = new HashSet<>();
    some.forEach(sent -> rest.add(ByteBuffer.wrap(sent.bytes())));
    others.forEach(sent -> rest.remove(ByteBuffer.wrap(sent.bytes())));
    return rest;
  }

  @Test
  void replayToARestartedEndGivesNobodyKeys() {
    network.settle();
    List<Sent> ofAlice = network.seen.stream().filter(s -> isFrom(s, alice)).toList();
    network.lose = sent -> isFrom(sent, alice);
    bob.restart(77, network.now);
    network.run(SECONDS.toNanos(1));
    network.lose = sent -> false;
    for (Sent sent : ofAlice) {
      bob.receive(alice.address, network.now, sent.bytes());
    }
    network.lose = sent -> isFrom(sent, alice);
    network.settle();
    assertNull(bob.sending(0));
    assertEquals(List.of(), bob.delivered);
    network.lose = sent -> false;
    network.run(SECONDS.toNanos(10));
    assertConnected();
  }

  @Test
  void reflectedMessagesAreRefused() {
    network.settle();
    network.send(alice, bob, 1);
    network.settle();
    Set<SaKeyId> before = keys();
    List<Sent> all = List.copyOf(network.seen);
    network.seen.clear();
    for (Sent sent : all) {
      NoiseStation back = isFrom(sent, alice) ? alice : bob;
      back.receive(sent.to(), network.now, sent.bytes());
    }
    network.settle();
    assertEquals(before, keys());
    assertEquals(List.of(), network.seen);
    assertEquals(List.of(), alice.delivered);
  }

  @Test
  void handshakeFromAnotherAddressIsRefusedAndTakenFromTheRightOne() {
    network.lose = sent -> true;
    network.run(1);
    byte[] initiation = said(alice, Messages.INITIATION).getFirst().bytes();
    network.lose = sent -> isFrom(sent, bob) && type(sent) == Messages.INITIATION;
    bob.receive(Endpoint.of(IpAddress.parse("192.0.2.77"), 4500), network.now, initiation);
    network.run(1);
    assertEquals(List.of(), said(bob, Messages.RESPONSE));
    bob.receive(alice.address, network.now, initiation);
    network.run(1);
    assertEquals(1, said(bob, Messages.RESPONSE).size());
  }

  @Test
  void handshakeFromTheAddressOfAnotherPeerIsRefused() {
    NoiseStation carol = new NoiseStation("carol", 3, sealed);
    bob.knows(carol);
    network.lose = sent -> true;
    network.run(1);
    byte[] initiation = said(alice, Messages.INITIATION).getFirst().bytes();
    bob.receive(carol.address, network.now, initiation);
    network.run(1);
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    assertEquals(List.of(), said(bob, Messages.RESPONSE));
  }

  @Test
  void udpPortMayMove() {
    network.settle();
    alice.address = Endpoint.of(alice.address.address(), 61_000);
    network.send(alice, bob, 1);
    network.settle();
    network.send(bob, alice, 2);
    network.settle();
    assertEquals(List.of(2), alice.deliveredNumbers());
    assertEquals(1, bob.events(TunnelEvent.EndpointMoved.class).size());
  }

  @Test
  void theAddressMayMoveToAnotherThatThePeerKnows() {
    network.settle();
    IpAddress second = IpAddress.parse("198.51.100.1");
    bob.knowsAlsoAt(alice, List.of(second), network.now);
    alice.address = Endpoint.of(second, 4500);
    network.send(alice, bob, 1);
    network.settle();
    network.send(bob, alice, 2);
    network.settle();
    assertEquals(List.of(1), bob.deliveredNumbers());
    assertEquals(List.of(2), alice.deliveredNumbers());
    alice.restart(99, network.now);
    network.settle();
    assertConnected();
  }

  @Test
  void handshakesAreBegunWhereThePeerMayBeTooIfItDoesNotAnswer() {
    network.settle();
    IpAddress second = IpAddress.parse("198.51.100.1");
    bob.knowsAlsoAt(alice, List.of(second), network.now);
    alice.address = Endpoint.of(second, 4500);
    network.lose = sent -> isFrom(sent, alice) && type(sent) == Messages.INITIATION;
    bob.restart(98, network.now);
    for (int i = 0; i < 10; i++) {
      network.send(bob, alice, i);
      network.run(SECONDS.toNanos(1));
    }
    assertTrue(alice.deliveredNumbers().contains(9));
  }

  @Test
  void strangerIsNotAnswered() {
    NoiseStation mallory = new NoiseStation("mallory", 1, sealed);
    NoiseStation stranger = new NoiseStation("stranger", 7, sealed);
    stranger.address = mallory.address;
    stranger.knows(bob);
    SimulatedNetwork other = new SimulatedNetwork(1, stranger, bob);
    other.lose = sent -> isFrom(sent, bob) && type(sent) == Messages.INITIATION;
    other.run(SECONDS.toNanos(1));
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    assertFalse(other.seen.stream().anyMatch(s -> type(s) == Messages.RESPONSE));
  }

  @Test
  void anEndUnderLoadDemandsACookieAndThenCompletes() {
    network.lose = sent -> true;
    network.run(1);
    byte[] initiation = said(alice, Messages.INITIATION).getFirst().bytes();
    byte[] forged = Arrays.copyOfRange(initiation, MARKER, initiation.length);
    forged[Messages.INITIATION_NOISE] ^= 1;
    new CookieGenerator(bob.publicKey, NoiseKeying.LABELS).addMacs(forged, 0);
    byte[] flood = marked(forged);
    network.lose = sent -> isFrom(sent, bob) && type(sent) == Messages.INITIATION;
    for (int i = 0; i < 400; i++) {
      bob.receive(alice.address, network.now, flood);
    }
    bob.receive(alice.address, network.now, initiation);
    network.run(1);
    assertTrue(bob.drops(DropReason.COOKIE_REQUIRED) > 0);
    assertEquals(0, said(bob, Messages.RESPONSE).size());
    for (int step = 0; step < 120; step++) {
      network.run(MILLISECONDS.toNanos(100));
      for (int i = 0; i < 200; i++) {
        bob.receive(alice.address, network.now, flood);
      }
    }
    // Alice is flooded with cookies in turn, so that the first response may cost one too.
    assertTrue(said(bob, Messages.RESPONSE).size() <= 2);
    assertTrue(alice.sending(0) != null);
  }

  private static byte[] marked(byte[] message) {
    return ByteBuffer.allocate(MARKER + message.length).put(MARKER, message).array();
  }
}
