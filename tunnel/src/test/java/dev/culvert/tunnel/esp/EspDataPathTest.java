// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.testing.BackendWithCipher;
import dev.culvert.tunnel.testing.Station;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * ESP packets are laid out as RFC 4303 says, sequence numbers never pass the SA's limit, and only
 * authentic, new packets with the SA's inner addresses are delivered.
 */
final class EspDataPathTest {
  private static final long SEED = 1;

  private final EspStation alice = new EspStation("alice", 1);
  private final EspStation bob = new EspStation("bob", 2);

  @BeforeEach
  void introduce() {
    alice.knows(bob);
    bob.knows(alice);
  }

  private void join(boolean esn) {
    EspStation.join(alice, bob, esn, SEED, 1);
  }

  private byte[][] sealed(int... numbers) {
    assertEquals(SealResult.SEALED, alice.seal(bob, 0, numbers));
    byte[][] datagrams = alice.outbox.toArray(byte[][]::new);
    alice.outbox.clear();
    return datagrams;
  }

  private void receive(byte[]... datagrams) {
    bob.receive(alice.address, 0, datagrams);
  }

  /** A packet that somebody with the right key sealed, whatever is in it. */
  private byte[] sealedByHand(long sequence, byte[] plain) {
    SaParameters sa = bob.sa(alice, SEED, true);
    byte[] nonce = ByteBuffer.allocate(12).putInt(sa.salt()).putLong(sequence).array();
    byte[] aad = ByteBuffer.allocate(12).putInt(sa.spi()).putLong(sequence).array();
    byte[] key = sa.key().toByteArray();
    byte[] sealed = EspStation.backend().seal(AeadAlgorithm.AES_GCM, key, nonce, aad, plain);
    return ByteBuffer.allocate(16 + sealed.length)
        .putInt(sa.spi())
        .putInt((int) sequence)
        .putLong(sequence)
        .put(sealed)
        .array();
  }

  private static byte[] join(byte[] packet, int... trailer) {
    byte[] plain = Arrays.copyOf(packet, packet.length + trailer.length);
    for (int i = 0; i < trailer.length; i++) {
      plain[packet.length + i] = (byte) trailer[i];
    }
    return plain;
  }

  @ParameterizedTest
  @CsvSource({"1,true", "2,false", "63,true", "64,false", "64,true"})
  void trainArrivesWhole(int packets, boolean esn) {
    join(esn);
    receive(sealed(IntStream.range(0, packets).toArray()));
    assertEquals(IntStream.range(0, packets).boxed().toList(), bob.deliveredNumbers());
    assertEquals(Map.of(), bob.drops());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void packetIsLaidOutAsTheRfcSays(boolean esn) {
    long first = esn ? 0x0000_0007_ffff_ffffL : 0xffff_fffeL;
    EspStation.join(alice, bob, esn, SEED, first);
    byte[] packet = Station.packet(alice.inner, bob.inner, 5);
    ByteBuffer wire = ByteBuffer.wrap(sealed(5)[0]);
    SaParameters sa = bob.sa(alice, SEED, esn);
    assertEquals(EspStation.SPI, wire.getInt(0));
    assertEquals((int) first, wire.getInt(4));
    assertEquals(first, wire.getLong(8));
    assertEquals(0, wire.capacity() % 4);
    byte[] aad =
        esn
            ? ByteBuffer.allocate(12).putInt(sa.spi()).putLong(first).array()
            : Arrays.copyOf(wire.array(), 8);
    byte[] plain =
        EspStation.backend()
            .open(
                AeadAlgorithm.AES_GCM,
                sa.key().toByteArray(),
                ByteBuffer.allocate(12).putInt(sa.salt()).putLong(first).array(),
                aad,
                Arrays.copyOfRange(wire.array(), 16, wire.capacity()));
    assertNotNull(plain);
    // 50 bytes and the trailer fill 52: no padding.
    assertArrayEquals(join(packet, 0, 4), plain);
  }

  @Test
  void replayIsDroppedWhetherAloneOrInATrain() {
    join(true);
    byte[][] train = sealed(1, 2, 3);
    receive(train);
    receive(train);
    receive(train[1]);
    assertEquals(List.of(1, 2, 3), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.REPLAYED, 4L), bob.drops());
    assertEquals(4, bob.engine.securityAssociations(0).getLast().replayErrors());
  }

  @Test
  void reorderedDatagramsArriveWithinTheWindow() {
    join(true);
    byte[][] early = sealed(1, 2);
    for (int i = 0; i < 126; i++) {
      sealed(new int[64]);
    }
    sealed(new int[63]);
    receive(sealed(3));
    // Behind the newest by 8128, and by 8129: that is taken for a number 2^32 later.
    receive(early[1]);
    receive(early[0]);
    assertEquals(List.of(3, 2), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.BAD_TAG, 1L), bob.drops());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void noBitOfADatagramMayChange(boolean esn) {
    join(esn);
    byte[] datagram = sealed(1)[0];
    for (int bit = 0; bit < 8 * datagram.length; bit++) {
      byte[] changed = datagram.clone();
      changed[bit / 8] ^= (byte) (1 << bit % 8);
      receive(changed);
    }
    assertEquals(List.of(), bob.delivered);
    // Without ESN one sequence number becomes 0, which never was.
    long forged = 8L * datagram.length - 32;
    assertEquals(32, bob.drops(DropReason.UNKNOWN_SA));
    assertEquals(forged, bob.drops(DropReason.BAD_TAG) + bob.drops(DropReason.REPLAYED));
    assertEquals(1, bob.drops(DropReason.REPLAYED));
    receive(datagram);
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void forgeryInTheMiddleOfATrainCostsOnlyItself() {
    join(true);
    byte[][] train = sealed(1, 2, 3);
    train[1][40] ^= 1;
    receive(train);
    assertEquals(List.of(1, 3), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.BAD_TAG, 1L), bob.drops());
  }

  @Test
  void truncatedDatagramIsRefused() {
    join(true);
    byte[] datagram = sealed(1)[0];
    for (int length = 1; length < datagram.length; length++) {
      receive(Arrays.copyOf(datagram, length));
    }
    assertEquals(List.of(), bob.delivered);
    long whole = (datagram.length - 36L) / 4;
    assertEquals(
        Map.of(DropReason.BAD_LENGTH, datagram.length - 1 - whole, DropReason.BAD_TAG, whole),
        bob.drops());
  }

  @Test
  void sequenceNumbersGoOnBeyond32BitsInEitherOrderOfArrival() {
    EspStation.join(alice, bob, true, SEED, (1L << 32) - 2);
    byte[][] train = sealed(1, 2, 3, 4);
    receive(train[2]);
    receive(train[0]);
    receive(train[3]);
    receive(train[1]);
    assertEquals(List.of(3, 1, 4, 2), bob.deliveredNumbers());
    receive(train);
    assertEquals(4, bob.drops(DropReason.REPLAYED));
    receive(sealed(5, 6));
    assertEquals(6, bob.delivered.size());
    assertEquals(Map.of(DropReason.REPLAYED, 4L), bob.drops());
  }

  @Test
  void wholeTrainCrosses32Bits() {
    EspStation.join(alice, bob, true, SEED, (1L << 32) - 2);
    receive(sealed(1, 2, 3, 4));
    assertEquals(List.of(1, 2, 3, 4), bob.deliveredNumbers());
  }

  /** RFC 4303 appendix A2.2, at the edges of a window of 8128 behind the newest. */
  @ParameterizedTest
  @CsvSource({
    "100000, 100001, 100001",
    "100000, 91872, 91872",
    "100000, 91871, 4295059167",
    "8128, 0, 0",
    "8129, 0, 4294967296",
    "8127, 4294967295, 0",
    "4294967295, 0, 4294967296",
    "4294967296, 4294967295, 4294967295",
    "4294967296, 4294959168, 4294959168",
    "4294967296, 4294959167, 8589926463",
    "4294975423, 4294967295, 4294967295",
    "4294975424, 4294967295, 8589934591",
    "0, 1, 1"
  })
  void upperHalfIsInferred(long newest, long low, long expected) {
    assertEquals(expected, InboundSa.infer(newest, (int) low));
  }

  @Test
  void shortSequenceNumbersEndInAHardStop() {
    EspStation.join(alice, bob, false, SEED, (1L << 32) - 3);
    receive(sealed(1, 2, 3));
    assertEquals(List.of(1, 2, 3), bob.deliveredNumbers());
    assertEquals(SealResult.DROPPED, alice.seal(bob, 0, 4));
    assertEquals(List.of(), alice.outbox);
    assertEquals(Map.of(DropReason.COUNTERS_SPENT, 1L), alice.drops());
    alice.turn();
    assertEquals(List.of("bob"), alice.keying.wanted);
  }

  @Test
  void limitIsNeverPassedAndMayBeExtended() {
    SaParameters whole = alice.sa(bob, SEED, true);
    SaParameters few =
        new SaParameters(
            whole.spi(),
            whole.algorithm(),
            whole.key(),
            whole.salt(),
            true,
            1,
            6,
            4,
            whole.selectors());
    SaKeyId id = few.keyId();
    alice.sendUnder(bob, few);
    sealed(1, 2);
    alice.turn();
    assertEquals(List.of(), alice.keying.low);
    sealed(3);
    alice.turn();
    alice.turn();
    assertEquals(List.of(4L), alice.keying.low);
    assertEquals(SealResult.DROPPED, alice.seal(bob, 0, 4, 5, 6));
    sealed(4, 5);
    assertEquals(SealResult.DROPPED, alice.seal(bob, 0, 6));
    alice.tell(new KeyingEvent.ExtendOutbound("bob", id, 7, 7));
    assertEquals(6, ByteBuffer.wrap(sealed(6)[0]).getLong(8));
    assertEquals(SealResult.DROPPED, alice.seal(bob, 0, 7));
    alice.turn();
    assertEquals(List.of(4L), alice.keying.low, "no notice was asked for the second time");
  }

  @Test
  void paddingIsCheckedThoughTheKeyIsRight() {
    join(true);
    byte[] packet = Station.packet(alice.inner, bob.inner, 1);
    receive(sealedByHand(1, join(packet, 0, 0, 0, 0, 4, 4)));
    receive(sealedByHand(2, join(packet, 1, 2, 3, 3, 4, 4)));
    receive(sealedByHand(3, join(packet, 255, 4)));
    assertEquals(Map.of(DropReason.BAD_PADDING, 3L), bob.drops());
    receive(sealedByHand(4, join(packet, 1, 2, 3, 4, 4, 4)));
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void nextHeaderMustAgreeWithTheInnerVersion() {
    join(true);
    byte[] packet = Station.packet(alice.inner, bob.inner, 1);
    receive(sealedByHand(1, join(packet, 0, 41)));
    receive(sealedByHand(2, join(packet, 0, 17)));
    receive(sealedByHand(3, join(new byte[2], 0, 4)));
    receive(sealedByHand(4, new byte[] {1, 2, 2, 4}));
    assertEquals(Map.of(DropReason.MALFORMED, 4L), bob.drops());
  }

  @Test
  void whatHidesTheLengthBehindThePacketIsNotDelivered() {
    join(true);
    byte[] packet = Station.packet(alice.inner, bob.inner, 1);
    receive(sealedByHand(1, join(Arrays.copyOf(packet, packet.length + 40), 0, 4)));
    assertArrayEquals(packet, bob.delivered.getFirst());
  }

  @Test
  void dummyPacketIsAuthenticatedAndDiscarded() {
    join(true);
    alice.tell(new KeyingEvent.SendDummy("bob"));
    assertTrue(alice.engine.pollTransmit(alice.datagram, 0));
    byte[] dummy =
        alice
            .datagram
            .memory()
            .asSlice(0, alice.datagram.length())
            .toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    receive(dummy);
    receive(dummy);
    assertEquals(Map.of(DropReason.DUMMY, 1L, DropReason.REPLAYED, 1L), bob.drops());
    assertEquals(List.of(), bob.delivered);
  }

  @Test
  void innerAddressesMustBelongToTheSa() {
    join(true);
    IpAddress stranger = IpAddress.parse("10.0.0.99");
    EspPeer to = alice.peer(bob);
    alice.sealPackets(
        to,
        0,
        Station.packet(stranger, bob.inner, 1),
        Station.packet(alice.inner, stranger, 2),
        Station.packet(alice.inner, bob.inner, 3),
        Station.packet(bob.inner, bob.inner, 4));
    receive(alice.outbox.toArray(byte[][]::new));
    assertEquals(List.of(3), bob.deliveredNumbers());
    assertEquals(
        Map.of(DropReason.SOURCE_NOT_ALLOWED, 2L, DropReason.DESTINATION_NOT_ALLOWED, 1L),
        bob.drops());
  }

  /** One lookup answers for packets in a row; a new source must not hide a destination. */
  @Test
  void eachPairOfAddressesInARunIsJudgedByItself() {
    join(true);
    IpAddress stranger = IpAddress.parse("10.0.0.99");
    alice.sealPackets(
        alice.peer(bob),
        0,
        Station.packet(stranger, bob.inner, 1),
        Station.packet(stranger, stranger, 2),
        Station.packet(alice.inner, bob.inner, 3),
        Station.packet(alice.inner, stranger, 4));
    receive(alice.outbox.toArray(byte[][]::new));
    assertEquals(List.of(3), bob.deliveredNumbers());
  }

  @Test
  void saIsFoundBySpiAndSourceAddressWhateverThePort() {
    join(true);
    byte[][] train = sealed(1, 2, 3);
    bob.receive(Endpoint.of(IpAddress.parse("203.0.113.66"), 4500), 0, train[0]);
    assertEquals(Map.of(DropReason.UNKNOWN_SA, 1L), bob.drops());
    Endpoint behindNat = Endpoint.of(alice.address.address(), 61_001);
    byte[] forged = train[0].clone();
    forged[30] ^= 1;
    bob.receive(behindNat, 0, forged);
    assertEquals(alice.address, bob.peer(alice).endpoint());
    bob.receive(behindNat, 0, train[0]);
    assertEquals(behindNat, bob.peer(alice).endpoint());
    assertEquals(List.of(1), bob.deliveredNumbers());
    // A replay from elsewhere moves nothing.
    bob.receive(alice.address, 0, train[0]);
    assertEquals(behindNat, bob.peer(alice).endpoint());
  }

  @Test
  void keepaliveAndNonEspMarkerAreNoEsp() {
    join(true);
    receive(new byte[] {(byte) 0xff}, new byte[] {(byte) 0xff});
    receive(new byte[] {0});
    receive(new byte[4]);
    assertEquals(Map.of(DropReason.NAT_KEEPALIVE, 2L, DropReason.BAD_LENGTH, 2L), bob.drops());
    receive(new byte[] {0, 0, 0, 0, 9, 9});
    assertEquals(1, bob.drops(DropReason.BAD_HANDSHAKE));
    receive(new byte[5 + Keying.MAX_MESSAGE]);
    assertEquals(3, bob.drops(DropReason.BAD_LENGTH));
    for (int i = 0; i < 1030; i++) {
      receive(new byte[] {0, 0, 0, 0, TestKeying.HELLO});
    }
    assertEquals(1030 - 1024 / 8, bob.drops(DropReason.QUEUE_FULL), "an eighth is for one source");
    assertEquals(Long.MIN_VALUE, bob.engine.nextDeadlineNanos());
  }

  @Test
  void epochsUnderOneSpiAreToldApart() {
    join(true);
    byte[][] old = sealed(1, 2, 3);
    bob.receiveUnder(alice, bob.sa(alice, 2, true));
    alice.sendUnder(bob, alice.sa(bob, 2, true));
    byte[][] fresh = sealed(4, 5);
    receive(fresh[0]);
    receive(old[0], old[1]);
    receive(fresh[1]);
    receive(old[2]);
    assertEquals(List.of(4, 1, 2, 5, 3), bob.deliveredNumbers());
    assertEquals(Map.of(), bob.drops());
    bob.tell(new KeyingEvent.RemoveInbound("alice", bob.sa(alice, SEED, true).keyId()));
    receive(old);
    // The numbers 1 and 2 were seen under the other key, 3 was not.
    assertEquals(Map.of(DropReason.REPLAYED, 2L, DropReason.BAD_TAG, 1L), bob.drops());
  }

  /** Opens as it should, and leaves nothing usable of packets that it refuses: that is allowed. */
  private record Destructive(TrainCipher real) implements TrainCipher {
    @Override
    public void seal(AeadKey key, PacketRun run) {
      real.seal(key, run);
    }

    @Override
    public long open(AeadKey key, PacketRun run) {
      long opened = real.open(key, run);
      for (int i = 0; i < run.packets(); i++) {
        if ((opened >>> i & 1) == 0) {
          long at = run.offset() + i * run.stride();
          run.memory().asSlice(at, run.lengthOf(i) + TAG_LENGTH).fill((byte) 0x55);
        }
      }
      return opened;
    }

    @Override
    public void forgetKeys() {
      real.forgetKeys();
    }
  }

  @Test
  void wrongKeyTriedFirstSpoilsNothing() {
    bob.engine.useBackend(
        AeadAlgorithm.AES_GCM,
        new BackendWithCipher(
            () -> new Destructive(EspStation.backend().newTrainCipher(AeadAlgorithm.AES_GCM))));
    join(true);
    bob.receiveUnder(alice, bob.sa(alice, 2, true));
    bob.receiveUnder(alice, bob.sa(alice, 3, false));
    receive(sealed(1, 2, 3));
    assertEquals(List.of(1, 2, 3), bob.deliveredNumbers());
  }

  @Test
  void theLargestDatagramThatTheKernelHandsOverIsRefusedWhileTwoKeysAreTried() {
    join(true);
    bob.receiveUnder(alice, bob.sa(alice, 2, true));
    byte[] datagram = sealed(1)[0];
    // UDP over IPv4 carries 65,507 bytes, raw ESP over it 65,515, and UDP over IPv6 65,527.
    for (int length : new int[] {65_504, 65_508, 65_512, 65_524}) {
      receive(Arrays.copyOf(datagram, length));
    }
    assertEquals(Map.of(DropReason.BAD_TAG, 4L), bob.drops());
    receive(datagram);
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void retiredKeyGivesNoMoreNumbers() {
    OutboundSa sa = new OutboundSa(alice.sa(bob, 1, true), new SaKeyId(1, 2), 1, 0);
    assertEquals(1, sa.reserve(5));
    assertEquals(6, sa.retire());
    assertEquals(OutboundSa.SPENT, sa.reserve(1));
  }

  @Test
  void authenticatedMessageMovesThePortButNotTheAddress() {
    Endpoint behindNat = Endpoint.of(alice.address.address(), 61_001);
    bob.tell(new KeyingEvent.Heard("alice", behindNat));
    assertEquals(behindNat, bob.peer(alice).endpoint());
    Endpoint elsewhere = Endpoint.of(IpAddress.parse("203.0.113.66"), 4500);
    bob.tell(new KeyingEvent.Heard("alice", elsewhere));
    assertEquals(behindNat, bob.peer(alice).endpoint());
    assertEquals(1, bob.events(TunnelEvent.EndpointMoved.class).size());
  }

  @Test
  void keyMetAgainContinues() {
    join(true);
    byte[][] first = sealed(1, 2);
    receive(first);
    alice.sendUnder(bob, alice.sa(bob, 2, true));
    alice.sendUnder(bob, alice.sa(bob, SEED, true));
    SaKeyId id = bob.sa(alice, SEED, true).keyId();
    bob.tell(new KeyingEvent.RemoveInbound("alice", id));
    bob.receiveUnder(alice, bob.sa(alice, SEED, true));
    assertEquals(3, ByteBuffer.wrap(sealed(3)[0]).getLong(8));
    receive(first);
    receive(sealed(4));
    assertEquals(List.of(1, 2, 4), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.REPLAYED, 2L), bob.drops());
  }

  @Test
  void keyIsNeverUsedInBothDirections() {
    join(true);
    SaParameters reflected = alice.sa(bob, SEED + 1000, true);
    SecretBytes key = reflected.key();
    alice.sendUnder(bob, reflected);
    assertEquals(1, alice.events(TunnelEvent.KeyRefused.class).size());
    assertThrows(IllegalStateException.class, key::toByteArray);
    receive(sealed(1));
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void nothingIsSentOnceSendingStopped() {
    join(true);
    alice.tell(new KeyingEvent.StopSending("bob"));
    assertEquals(SealResult.STAGED, alice.seal(bob, 0, 1));
    assertEquals(List.of(), alice.outbox);
    alice.turn();
    assertEquals(List.of("bob"), alice.keying.wanted);
    alice.tell(new KeyingEvent.StopSending("bob"));
    assertEquals(Map.of(DropReason.NO_SESSION, 1L), alice.drops());
  }
}
