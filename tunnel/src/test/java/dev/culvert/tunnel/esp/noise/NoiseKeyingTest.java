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
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.Verdict;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.noise.CookieGenerator;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What docs/esp-noise.md claims, claim by claim. */
final class NoiseKeyingTest {
  private static final int MARKER = 4;

  private final SealLog sealed = new SealLog();
  private NoiseStation alice = new NoiseStation("alice", 1, sealed);
  private NoiseStation bob = new NoiseStation("bob", 2, sealed);
  private SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  /** The type of a handshake message, 0 for an ESP packet. */
  private static int type(Sent sent) {
    ByteBuffer bytes = ByteBuffer.wrap(sent.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.getInt(0) != 0 ? 0 : bytes.getInt(MARKER);
  }

  private static boolean isFrom(Sent sent, NoiseStation station) {
    return sent.from().isSamePlace(station.address);
  }

  private List<Sent> said(NoiseStation by, int type) {
    return network.seen.stream().filter(s -> isFrom(s, by) && type(s) == type).toList();
  }

  private static int spi(Sent sent) {
    return ByteBuffer.wrap(sent.bytes()).getInt(0);
  }

  /** Only alice begins: what bob says of his own accord does not arrive. */
  private void onlyAliceBegins() {
    network.lose = sent -> isFrom(sent, bob) && type(sent) == Messages.INITIATION;
  }

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

  private void assertConnected() {
    int number = 1_000_000 + network.seen.size();
    network.send(alice, bob, number);
    network.send(bob, alice, number);
    network.settle();
    assertTrue(bob.deliveredNumbers().contains(number), "alice to bob");
    assertTrue(alice.deliveredNumbers().contains(number), "bob to alice");
  }

  private static SaKeyId sendKey(NoiseStation station) {
    return requireNonNull(station.sending(0)).key();
  }

  // Agreement

  @Test
  void packetsPassBothWaysWithoutAKeyFile() {
    network.settle();
    assertEquals(Verdict.SEALED, network.send(alice, bob, 1));
    assertEquals(Verdict.SEALED, network.send(bob, alice, 2));
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
  void responderSendsNothingBeforeTheInitiatorWasHeardUnderTheNewKeys() {
    network.lose =
        sent ->
            (isFrom(sent, bob) && type(sent) == Messages.INITIATION)
                || (isFrom(sent, alice) && type(sent) == 0);
    network.settle();
    assertEquals(1, said(bob, Messages.RESPONSE).size());
    assertEquals(Verdict.STAGED, network.send(bob, alice, 1));
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
    assertEquals(Verdict.SEALED, network.send(bob, alice, 1));
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
    assertEquals(Verdict.STAGED, network.send(alice, bob, 1));
    network.settle();
    assertEquals(List.of(1), bob.deliveredNumbers());
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
      assertTrue(said(alice, 0).stream().map(NoiseKeyingTest::spi).distinct().count() >= 8);
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
    assertTrue(said(alice, 0).stream().map(NoiseKeyingTest::spi).distinct().count() >= 3);
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
    assertTrue(said(alice, 0).stream().map(NoiseKeyingTest::spi).distinct().count() >= 5);
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
    alice.clockSkew += SECONDS.toNanos(60);
    network.send(alice, bob, 1);
    network.run(SECONDS.toNanos(20));
    assertNotEquals(before, sendKey(alice));
    assertConnected();
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

  private Set<SaKeyId> keys() {
    Set<SaKeyId> keys = new HashSet<>();
    alice.engine().securityAssociations(0).forEach(sa -> keys.add(sa.key()));
    bob.engine().securityAssociations(0).forEach(sa -> keys.add(sa.key()));
    return keys;
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
    assertNull(alice.keying().lastHandshake("bob"));
    network.seen.clear();
    bob.restart(99, network.now);
    network.run(SECONDS.toNanos(1));
    assertEquals(1, said(bob, Messages.INITIATION).size());
    assertEquals(1, network.seen.size());
  }
}
