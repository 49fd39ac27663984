// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static java.util.Objects.requireNonNull;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The claims of docs/esp-noise.md, one by one: agreement, renewal and configuration. */
final class NoiseKeyingTest extends NoiseScene {
  private static SecretBytes presharedKey(int value) {
    byte[] key = new byte[32];
    Arrays.fill(key, (byte) value);
    return SecretBytes.owning(key);
  }

  private void presharedKeys(int ofAlice, int ofBob) {
    alice = new NoiseStation("alice", 1, sealed);
    bob = new NoiseStation("bob", 2, sealed);
    alice.knows(bob, presharedKey(ofAlice), 0, bob.address, List.of(Prefix.host(bob.inner)));
    bob.knows(alice, presharedKey(ofBob), 0, alice.address, List.of(Prefix.host(alice.inner)));
    network = new SimulatedNetwork(1, alice, bob);
  }

  // Agreement

  @Test
  void packetsPassBothWaysWithoutAKeyFile() {
    network.settle();
    assertEquals(SealResult.SEALED, network.send(alice, bob, 1));
    assertEquals(SealResult.SEALED, network.send(bob, alice, 2));
    network.settle();
    assertEquals(List.of(1), bob.deliveredNumbers());
    assertEquals(List.of(2), alice.deliveredNumbers());
    assertNotEquals(sendKey(alice), sendKey(bob));
  }

  @Test
  void bothBeginningAtTheSameMomentConvergeAtOnce() {
    network.send(alice, bob, 1);
    network.send(bob, alice, 2);
    network.run(6 * SimulatedNetwork.LATENCY);
    network.send(alice, bob, 3);
    network.send(bob, alice, 4);
    network.settle();
    assertEquals(List.of(1, 3), bob.deliveredNumbers());
    assertEquals(List.of(2, 4), alice.deliveredNumbers());
    assertEquals(1, said(alice, Messages.INITIATION).size());
    assertEquals(1, said(bob, Messages.INITIATION).size());
  }

  @Test
  void whoLearnsOfAPeerLaterGreetsItAndBothCanSendAtOnce() {
    NoiseStation carol = new NoiseStation("carol", 3, sealed);
    alice.knows(carol);
    network.add(carol);
    network.send(alice, carol, 1);
    network.run(SECONDS.toNanos(2));
    carol.knows(alice);
    network.run(MILLISECONDS.toNanos(15));
    assertEquals(List.of(1), carol.deliveredNumbers());
    assertEquals(SealResult.SEALED, network.send(carol, alice, 2));
  }

  @Test
  void manyAreGreetedOneAfterTheOtherAndSilentOnesForFifteenSeconds() {
    network.settle();
    network.seen.clear();
    for (int i = 0; i < 200; i++) {
      alice.knows(new NoiseStation("peer" + i, 10 + i, sealed));
    }
    network.run(MILLISECONDS.toNanos(100));
    int soon = network.seen.size();
    assertTrue(soon > 10 && soon < 120, soon + " of 200 at once");
    network.run(SECONDS.toNanos(120));
    assertEquals(200 * 3, network.seen.size());
  }

  @Test
  void responderSendsNothingBeforeTheInitiatorWasHeardUnderTheNewKeys() {
    network.lose =
        sent ->
            (isFrom(sent, bob) && type(sent) == Messages.INITIATION)
                || (isFrom(sent, alice) && type(sent) == 0);
    network.settle();
    assertEquals(1, said(bob, Messages.RESPONSE).size());
    assertEquals(SealResult.STAGED, network.send(bob, alice, 1));
    network.run(SECONDS.toNanos(2));
    assertEquals(List.of(), said(bob, 0));
    onlyAliceBegins();
    network.send(alice, bob, 2);
    network.settle();
    assertEquals(List.of(2), bob.deliveredNumbers());
    assertEquals(List.of(1), alice.deliveredNumbers());
  }

  @Test
  void initiatorConfirmsAtOnceWithADummyPacket() {
    onlyAliceBegins();
    network.run(3 * SimulatedNetwork.LATENCY);
    assertEquals(1, bob.drops(DropReason.DUMMY));
    assertEquals(SealResult.SEALED, network.send(bob, alice, 1));
  }

  @Test
  void idlePairSaysNothingAndItsKeysEndAfterThreeMinutes() {
    network.settle();
    network.seen.clear();
    network.run(SECONDS.toNanos(178));
    assertEquals(List.of(), network.seen);
    network.run(SECONDS.toNanos(3));
    assertEquals(List.of(), alice.engine().securityAssociations(network.now));
    assertEquals(List.of(), bob.engine().securityAssociations(network.now));
    assertEquals(SealResult.STAGED, network.send(alice, bob, 1));
    network.settle();
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void lanesSealAndOpenNothingAfterThreeMinutesThoughTheControlThreadSleeps() {
    network.settle();
    long madeAt = network.now - requireNonNull(alice.sending(network.now)).ageNanos();
    long end = madeAt + Messages.REJECT_AFTER_TIME;
    assertEquals(SealResult.SEALED, alice.seal(bob, end - 1, 1));
    byte[] sealed = alice.outbox.getFirst();
    byte[] again = sealedBeforeTheEnd(end);
    bob.receive(alice.address, end - SECONDS.toNanos(1), sealed);
    assertEquals(List.of(1), bob.deliveredNumbers());
    assertEquals(SealResult.STAGED, alice.seal(bob, end, 2));
    // Bob's end comes a moment later: he got the last message of the handshake.
    bob.receive(alice.address, end + SECONDS.toNanos(1), again);
    assertEquals(List.of(1), bob.deliveredNumbers());
    assertEquals(1, bob.drops(DropReason.EXPIRED));
    assertEquals(List.of(), alice.outbox);
    network.now = end;
    network.settle();
    assertEquals(List.of(1, 2), bob.deliveredNumbers(), "under new keys");
  }

  private byte[] sealedBeforeTheEnd(long end) {
    alice.outbox.clear();
    assertEquals(SealResult.SEALED, alice.seal(bob, end - 1, 3));
    byte[] sealed = alice.outbox.getFirst();
    alice.outbox.clear();
    return sealed;
  }

  @Test
  void samePresharedKeyCompletes() {
    presharedKeys(1, 1);
    network.settle();
    assertConnected();
  }

  @Test
  void differentPresharedKeysNeverComplete() {
    presharedKeys(1, 2);
    network.send(alice, bob, 1);
    network.send(bob, alice, 1);
    network.run(SECONDS.toNanos(60));
    assertNull(alice.sending(0));
    assertNull(bob.sending(0));
    assertTrue(alice.drops(DropReason.BAD_HANDSHAKE) > 0);
    assertEquals(List.of(), said(alice, 0));
  }

  @Test
  void timestampThatWasAnsweredIsReported() {
    network.settle();
    assertEquals("bob", alice.events(TunnelEvent.TimestampAnswered.class).getFirst().peer());
  }

  @Test
  void silenceOfThePeerIsNoticedAfterFifteenSeconds() {
    network.settle();
    network.lose = sent -> true;
    network.seen.clear();
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(14));
    assertEquals(0, said(alice, Messages.INITIATION).size());
    network.run(SECONDS.toNanos(2));
    assertEquals(1, said(alice, Messages.INITIATION).size());
  }

  @Test
  void whoOnlyReceivesAnswersWithADummyPacketAfterTenSeconds() {
    network.settle();
    network.seen.clear();
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(60));
    assertEquals(1, said(bob, 0).size());
    assertEquals(0, said(alice, Messages.INITIATION).size());
  }

  @Test
  void persistentKeepaliveKeepsAMappingAlive() {
    alice.knows(bob, null, 25, bob.address, List.of(Prefix.host(bob.inner)));
    network.settle();
    network.seen.clear();
    network.run(SECONDS.toNanos(100));
    assertEquals(4, said(alice, 0).size());
  }

  // Renewal

  private void assertFreshEveryTwoMinutes(boolean fromAlice, boolean fromBob) {
    network.settle();
    int seconds = 1000;
    for (int second = 0; second < seconds; second++) {
      if (fromAlice) {
        network.send(alice, bob, second);
      }
      if (fromBob) {
        network.send(bob, alice, second);
      }
      network.run(SECONDS.toNanos(1));
    }
    assertEquals(fromAlice ? seconds : 0, bob.delivered.size());
    assertEquals(fromBob ? seconds : 0, alice.delivered.size());
    for (NoiseStation station : List.of(alice, bob)) {
      Map<Integer, Long> since = new HashMap<>();
      for (Sent packet : said(station, 0)) {
        long age = packet.at() - since.computeIfAbsent(spi(packet), s -> packet.at());
        // Who only receives asks for new keys in the last minute.
        long most = fromAlice && fromBob ? 122 : 168;
        assertTrue(age <= SECONDS.toNanos(most), "a key of age " + age);
      }
    }
    if (fromAlice && fromBob) {
      assertTrue(said(alice, 0).stream().map(NoiseScene::spi).distinct().count() >= 8);
    }
    assertEquals(0, sealed.repeated);
  }

  @Test
  void keysAreFreshEveryTwoMinutesAndNothingIsLost() {
    assertFreshEveryTwoMinutes(true, true);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void trafficOfOneEndAloneRenewsKeysInTimeAndLosesNothing(boolean fromAlice) {
    onlyAliceBegins();
    network.settle();
    network.lose = sent -> false;
    assertFreshEveryTwoMinutes(fromAlice, !fromAlice);
  }

  @Test
  void packetsUnderTheOldKeyThatAreStillUnderWayAreDeliveredAfterARenewal() {
    network.settle();
    network.maxDelay = SECONDS.toNanos(3);
    for (int i = 0; i < 4000; i++) {
      network.send(alice, bob, i);
      network.send(bob, alice, i);
      network.run(MILLISECONDS.toNanos(100));
    }
    network.run(SECONDS.toNanos(5));
    assertEquals(4000, new HashSet<>(bob.deliveredNumbers()).size());
    assertEquals(4000, bob.delivered.size());
    assertEquals(4000, alice.delivered.size());
    assertTrue(said(alice, 0).stream().map(NoiseScene::spi).distinct().count() >= 3);
  }

  @Test
  void spentPacketsRenewTheKeyWithoutLoss() {
    few(new PacketLimits(100, 200));
    for (int i = 0; i < 1000; i++) {
      network.send(alice, bob, i);
      network.run(MILLISECONDS.toNanos(100));
    }
    assertEquals(1000, bob.delivered.size());
    assertTrue(sealed.ivs.values().stream().allMatch(ivs -> ivs.size() <= 200));
    assertTrue(said(alice, 0).stream().map(NoiseScene::spi).distinct().count() >= 5);
  }

  @Test
  void keyThatCannotBeRenewedStopsAtItsLimit() {
    few(new PacketLimits(100, 200));
    network.lose = sent -> type(sent) != 0;
    for (int i = 0; i < 300; i++) {
      network.send(alice, bob, i);
      network.run(MILLISECONDS.toNanos(10));
    }
    assertTrue(sealed.ivs.values().stream().allMatch(ivs -> ivs.size() <= 200));
    assertTrue(alice.drops(DropReason.COUNTERS_SPENT) > 0);
  }

  private void few(PacketLimits limits) {
    alice = new NoiseStation("alice", 1, sealed, limits);
    bob = new NoiseStation("bob", 2, sealed, limits);
    network = SimulatedNetwork.of(alice, bob);
    network.settle();
  }

  // Sequence numbers, SPIs and configuration

  @Test
  void spiIsTheReceiversIndexAndNeverReserved() {
    network.settle();
    int spi = requireNonNull(alice.sending(0)).spi();
    assertTrue(bob.sas(false, 0).stream().map(SaStatus::spi).anyMatch(s -> s == spi));
    assertTrue(Integer.compareUnsigned(spi, 256) >= 0);
  }

  @Test
  void changedPresharedKeyLeavesTheKeysInUse() {
    network.settle();
    SaKeyId before = sendKey(alice);
    alice.keying().keys(Map.of("bob", new NoisePeerKeys(bob.publicKey, presharedKey(1), 0)));
    alice.knowsAgain(network.now);
    network.settle();
    assertEquals(before, sendKey(alice));
    assertConnected();
  }

  @Test
  void wrongConfigurationChangesNothing() {
    network.settle();
    NoisePeerKeys ofBob = new NoisePeerKeys(bob.publicKey, null, 0);
    NoisePeerKeys own = new NoisePeerKeys(alice.publicKey, null, 0);
    assertThrows(
        IllegalArgumentException.class,
        () -> alice.keying().keys(Map.of("bob", ofBob, "robert", ofBob)));
    assertThrows(IllegalArgumentException.class, () -> alice.keying().keys(Map.of("alice", own)));
    alice.keying().keys(Map.of("robert", ofBob));
    assertThrows(IllegalArgumentException.class, () -> alice.knowsAgain(network.now));
    assertConnected();
  }

  @Test
  void closedEndHasNoKeysAndAnswersNobody() {
    network.settle();
    alice.engine().close();
    assertEquals(List.of(), alice.engine().securityAssociations(0));
    assertEquals(List.of(), alice.keying().peerStatus());
    network.seen.clear();
    bob.restart(99, network.now);
    network.run(SECONDS.toNanos(1));
    assertEquals(1, said(bob, Messages.INITIATION).size());
    assertEquals(1, network.seen.size());
  }

  @Test
  void changedPrefixesOfAPeerMakeKeysAnewAtOnce() {
    network.settle();
    SaKeyId before = sendKey(alice);
    alice.knows(
        bob, null, 0, bob.address, List.of(Prefix.host(bob.inner), Prefix.parse("10.9.0.0/16")));
    network.settle();
    assertNotEquals(before, sendKey(alice));
    assertConnected();
  }

  @Test
  void keysThatWereOnlyAnnouncedChangeNothing() {
    alice.keying().keys(Map.of("bob", new NoisePeerKeys(bob.publicKey, presharedKey(1), 0)));
    network.settle();
    assertConnected();
    assertFalse(alice.keying().peerStatus().getFirst().presharedKey());
    alice.knowsAgain(network.now);
    assertTrue(alice.keying().peerStatus().getFirst().presharedKey());
  }

  @Test
  void aPeerWithAnotherPublicKeyIsAnotherPeer() {
    NoiseStation before = new NoiseStation("bob", 3, sealed);
    before.address = bob.address;
    alice = new NoiseStation("alice", 1, sealed);
    alice.knows(before, null, 0, bob.address, List.of(Prefix.host(bob.inner)));
    alice.knows(bob);
    network = new SimulatedNetwork(1, alice, bob);
    network.lose = sent -> isFrom(sent, alice) && type(sent) == Messages.INITIATION;
    network.settle();
    assertConnected();
  }

  @Test
  void noInitiationFallsBehindTheTimestampsOfAnEarlierLife() {
    Instant answered = Instant.ofEpochSecond(4_000_000_000L);
    alice.keying().minimumTimestamp(answered);
    network.settle();
    assertTrue(
        alice.events(TunnelEvent.TimestampAnswered.class).getFirst().timestamp().isAfter(answered));
  }

  @Test
  void aClosedKeyingLeavesNoKeyThatTheEngineDidNotTakeOver() {
    network.lose = sent -> true;
    network.send(alice, bob, 1);
    network.run(2 * SimulatedNetwork.LATENCY);
    byte[] wire = said(alice, Messages.INITIATION).getFirst().bytes();
    byte[] initiation = Arrays.copyOfRange(wire, MARKER, wire.length);
    bob.keying().receive(initiation, alice.address, false, network.now, 0);
    bob.keying().close();
    assertNull(bob.keying().pollEvent());
  }
}
