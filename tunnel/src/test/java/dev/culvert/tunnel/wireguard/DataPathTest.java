// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A WireGuard packet is delivered once, if it is authentic and from the peer's allowed IPs, and
 * only authentic, new packets move an endpoint.
 */
final class DataPathTest {
  private final Node alice = new Node("alice", 1);
  private final Node bob = new Node("bob", 2);
  private final SimulatedNetwork network = SimulatedNetwork.of(alice, bob);
  private final Endpoint elsewhere = Endpoint.of(IpAddress.parse("198.51.100.9"), 4711);

  @BeforeEach
  void establish() {
    network.send(alice, bob, 0);
    network.settle();
    alice.delivered.clear();
    bob.delivered.clear();
  }

  /** Datagrams of alice's that nobody has received yet. */
  private byte[][] sealed(int... numbers) {
    assertEquals(SealResult.SEALED, alice.seal(bob, network.now, numbers));
    byte[][] datagrams = alice.outbox.toArray(byte[][]::new);
    alice.outbox.clear();
    return datagrams;
  }

  private void receive(byte[]... datagrams) {
    bob.receive(alice.address, network.now, datagrams);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 63, 64})
  void trainArrivesWhole(int packets) {
    int[] numbers = IntStream.range(0, packets).toArray();
    receive(sealed(numbers));
    assertEquals(IntStream.range(0, packets).boxed().toList(), bob.deliveredNumbers());
    assertEquals(Map.of(), bob.drops());
  }

  @Test
  void trainMayEndInAShorterPacket() {
    byte[] full = Node.packet(alice.inner, bob.inner, 1);
    byte[] longer = Arrays.copyOf(full, 200);
    ByteBuffer.wrap(longer).putShort(2, (short) 200);
    assertEquals(
        SealResult.SEALED, alice.sealPackets(alice.peer(bob), network.now, longer, longer, full));
    receive(alice.outbox.toArray(byte[][]::new));
    assertEquals(
        List.of(200, 200, full.length), bob.delivered.stream().map(p -> p.length).toList());
    assertTrue(Arrays.equals(full, bob.delivered.get(2)));
  }

  @ParameterizedTest
  @CsvSource({"1,1420,48", "15,1420,48", "16,1420,48", "17,1420,64", "1419,1420,1452"})
  @CsvSource({"1420,1420,1452", "1408,1420,1440", "1409,1420,1452", "1500,1420,1532", "0,1420,32"})
  void paddingIsToSixteenButNeverBeyondTheMtu(int inner, int mtu, int sealed) {
    assertEquals(sealed, alice.engine.overhead().sealedLength(inner, mtu));
  }

  @Test
  void paddingIsZeroWhateverTheBufferHeld() {
    alice.buffer.fill((byte) 0x55);
    byte[] packet = Node.packet(alice.inner, bob.inner, 1);
    alice.sealPackets(alice.peer(bob), network.now, packet);
    receive(alice.outbox.getFirst());
    int padding = alice.outbox.getFirst().length - DataMessages.DATA_OVERHEAD - packet.length;
    assertTrue(padding > 0);
    for (int i = 0; i < padding; i++) {
      assertEquals(0, bob.buffer.get(ValueLayout.JAVA_BYTE, bob.run.inner(0) + packet.length + i));
    }
  }

  @Test
  void replayIsDroppedWhetherAloneOrInATrain() {
    byte[][] train = sealed(1, 2, 3);
    receive(train);
    receive(train);
    receive(train[1]);
    assertEquals(List.of(1, 2, 3), bob.deliveredNumbers());
    assertEquals(4, bob.drops(DropReason.REPLAYED));
  }

  @Test
  void reorderedDatagramsAllArriveWithinTheWindow() {
    byte[][] early = sealed(1, 2);
    for (int i = 0; i < 126; i++) {
      sealed(new int[64]);
    }
    sealed(new int[63]);
    receive(sealed(3));
    // Behind the newest by 8128, and by 8129.
    receive(early[1]);
    receive(early[0]);
    assertEquals(List.of(3, 2), bob.deliveredNumbers());
    assertEquals(1, bob.drops(DropReason.REPLAYED));
    receive(sealed(5));
    byte[][] next = sealed(6, 7);
    receive(next[1]);
    receive(next[0]);
    assertEquals(List.of(3, 2, 5, 7, 6), bob.deliveredNumbers());
  }

  @Test
  void runIsCutWhereACounterIsMissing() {
    byte[][] train = sealed(1, 2, 3, 4);
    receive(train[0], train[1], train[3]);
    assertEquals(List.of(1, 2, 4), bob.deliveredNumbers());
    receive(train[2]);
    assertEquals(List.of(1, 2, 4, 3), bob.deliveredNumbers());
  }

  @Test
  void runMayMixSessionsForgeriesAndGarbage() {
    byte[][] train = sealed(1, 2, 3);
    byte[] garbage = new byte[train[0].length];
    Arrays.fill(garbage, (byte) 0xee);
    byte[] otherIndex = train[1].clone();
    otherIndex[DataMessages.DATA_RECEIVER] ^= 1;
    byte[] forged = train[1].clone();
    forged[DataMessages.DATA_HEADER] ^= 1;
    receive(train[0], garbage, otherIndex, forged, train[1], train[2], new byte[5]);
    assertEquals(List.of(1, 2, 3), bob.deliveredNumbers());
    assertEquals(
        Map.of(DropReason.UNKNOWN_TYPE, 2L, DropReason.UNKNOWN_INDEX, 1L, DropReason.BAD_TAG, 1L),
        bob.drops());
  }

  @Test
  void forgeryInTheMiddleOfATrainCostsOnlyItself() {
    byte[][] train = sealed(1, 2, 3);
    train[1][40] ^= 1;
    receive(train);
    assertEquals(List.of(1, 3), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.BAD_TAG, 1L), bob.drops());
  }

  @Test
  void noBitOfADatagramMayChange() {
    byte[] datagram = sealed(1)[0];
    for (int bit = 0; bit < 8 * datagram.length; bit++) {
      byte[] changed = datagram.clone();
      changed[bit / 8] ^= (byte) (1 << bit % 8);
      DropReason expected =
          bit < 32
              ? changed[0] >= 1 && changed[0] <= 3 && bit < 8
                  ? DropReason.BAD_LENGTH
                  : DropReason.UNKNOWN_TYPE
              : bit < 64 ? DropReason.UNKNOWN_INDEX : DropReason.BAD_TAG;
      long before = bob.drops(expected);
      receive(changed);
      assertEquals(before + 1, bob.drops(expected), "bit " + bit);
    }
    assertEquals(List.of(), bob.delivered);
    receive(datagram);
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void forgedCounterDoesNotMoveTheWindow() {
    byte[] honest = sealed(1)[0];
    byte[] forged = sealed(2)[0];
    forged[DataMessages.DATA_COUNTER + 5] = 1;
    receive(forged);
    receive(honest);
    assertEquals(List.of(1), bob.deliveredNumbers());
  }

  @Test
  void truncatedDatagramIsRefused() {
    byte[] datagram = sealed(1)[0];
    for (int length = 0; length < datagram.length; length++) {
      if (length > 0) {
        receive(Arrays.copyOf(datagram, length));
      }
    }
    assertEquals(List.of(), bob.delivered);
    assertEquals(31, bob.drops(DropReason.BAD_LENGTH));
    assertEquals(datagram.length - 32, bob.drops(DropReason.BAD_TAG));
  }

  @Test
  void indexOfAnotherPeersSessionIsOfNoUse() {
    Node carol = new Node("carol", 3);
    bob.knows(carol);
    carol.knows(bob);
    SimulatedNetwork three = new SimulatedNetwork(1, alice, bob, carol);
    three.now = network.now;
    three.send(carol, bob, 9);
    three.settle();
    Session ofAlice = bob.session(alice);
    carol.seal(bob, three.now, 10);
    byte[] guess = carol.outbox.getLast();
    Messages.putInt(guess, DataMessages.DATA_RECEIVER, ofAlice.localIndex());
    bob.receive(carol.address, three.now, guess);
    assertEquals(1, bob.drops(DropReason.BAD_TAG));
    assertEquals(alice.address, bob.peer(alice).endpoint());
  }

  @Test
  void innerSourceMustBelongToThePeerByLongestPrefix() {
    Node carol = new Node("carol", 3);
    // Alice owns the whole range but for carol's address in it.
    bob.peer(alice, null, null, OptionalInt.empty(), "10.0.0.0/24");
    bob.knows(carol);
    byte[] own = Node.packet(IpAddress.parse("10.0.0.77"), bob.inner, 1);
    byte[] carols = Node.packet(carol.inner, bob.inner, 2);
    byte[] nobodys = Node.packet(IpAddress.parse("10.1.0.1"), bob.inner, 3);
    alice.sealPackets(alice.peer(bob), network.now, own, carols, nobodys, own);
    receive(alice.outbox.toArray(byte[][]::new));
    assertEquals(List.of(1, 1), bob.deliveredNumbers());
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 2L), bob.drops());
  }

  @Test
  void innerIpv6SourceIsCheckedToo() {
    bob.peer(alice, null, null, OptionalInt.empty(), "2001:db8::/64");
    alice.sealPackets(
        alice.peer(bob),
        network.now,
        v6("2001:db8::1", 8),
        v6("2001:db8:0:1::1", 8),
        v6("::ffff:10.0.0.1", 8));
    receive(alice.outbox.toArray(byte[][]::new));
    assertEquals(1, bob.delivered.size());
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 2L), bob.drops());
  }

  private static byte[] v6(String source, int payload) {
    byte[] address = new byte[16];
    if (source.startsWith("::ffff:")) {
      address[10] = -1;
      address[11] = -1;
      System.arraycopy(IpAddress.parse(source.substring(7)).toBytes(), 0, address, 12, 4);
    } else {
      address = IpAddress.parse(source).toBytes();
    }
    return ByteBuffer.allocate(40 + payload)
        .put(0, (byte) 0x60)
        .putShort(4, (short) payload)
        .put(8, address)
        .array();
  }

  @ParameterizedTest
  @CsvSource({"0x45,20,20,true", "0x45,20,19,false", "0x45,20,49,false", "0x45,20,0,false"})
  @CsvSource({"0x05,20,20,false", "0x95,20,20,false", "0x45,12,12,false", "0x45,1,1,false"})
  void innerLengthMustBeWhatArrived(String first, int length, int claimed, boolean delivered) {
    byte[] packet = Arrays.copyOf(Node.packet(alice.inner, bob.inner, 1), Math.max(20, length));
    packet[0] = (byte) (int) Integer.decode(first);
    ByteBuffer.wrap(packet).putShort(2, (short) claimed);
    alice.engine.mtu(1);
    alice.sealPackets(alice.peer(bob), network.now, Arrays.copyOf(packet, length));
    receive(alice.outbox.getFirst());
    assertEquals(delivered ? 1 : 0, bob.delivered.size());
    assertEquals(delivered ? 0 : 1, bob.drops(DropReason.MALFORMED));
  }

  @Test
  void paddingIsNotDelivered() {
    byte[] packet = Node.packet(alice.inner, bob.inner, 1);
    alice.sealPackets(alice.peer(bob), network.now, packet);
    assertTrue(alice.outbox.getFirst().length > packet.length + DataMessages.DATA_OVERHEAD);
    receive(alice.outbox.getFirst());
    assertTrue(Arrays.equals(packet, bob.delivered.getFirst()));
  }

  @Test
  void keepaliveIsNeitherDeliveredNorDropped() {
    alice.apply(Updates.keepalive(bob.publicKey, 1));
    network.run(SECONDS.toNanos(3));
    assertEquals(List.of(), bob.delivered);
    assertEquals(Map.of(), bob.drops());
  }

  @Test
  void peerIsFollowedWhereItsAuthenticatedPacketsComeFrom() {
    bob.receive(elsewhere, network.now, sealed(1));
    assertEquals(elsewhere, bob.peer(alice).endpoint());
    network.run(1);
    assertEquals(
        List.of(
            new TunnelEvent.EndpointMoved(alice.publicKey.toString(), alice.address, elsewhere)),
        bob.events(TunnelEvent.EndpointMoved.class));
  }

  @Test
  void peerOfKnownAddressesIsNotFollowedToAnotherOne() {
    bob.apply(Updates.heardAt(alice.publicKey, alice.address.address()));
    bob.receive(elsewhere, network.now, sealed(1));
    assertEquals(alice.address, bob.peer(alice).endpoint());
    Endpoint otherPort = Endpoint.of(alice.address.address(), 4711);
    bob.receive(otherPort, network.now, sealed(2));
    assertEquals(otherPort, bob.peer(alice).endpoint());
    assertEquals(List.of(1, 2), bob.deliveredNumbers());
  }

  @Test
  void peerIsNotFollowedByForgedReplayedOrExpiredPackets() {
    byte[] seen = sealed(1)[0];
    receive(seen);
    bob.receive(elsewhere, network.now, seen);
    byte[] forged = sealed(2)[0];
    forged[20] ^= 1;
    bob.receive(elsewhere, network.now, forged);
    byte[] old = sealed(3)[0];
    bob.receive(elsewhere, network.now + SECONDS.toNanos(200), old);
    assertEquals(alice.address, bob.peer(alice).endpoint());
  }

  @Test
  void packetWithAForeignSourceStillShowsWhereThePeerIs() {
    byte[] foreign = Node.packet(IpAddress.parse("10.9.9.9"), bob.inner, 1);
    alice.sealPackets(alice.peer(bob), network.now, foreign);
    bob.receive(elsewhere, network.now, alice.outbox.getFirst());
    assertEquals(elsewhere, bob.peer(alice).endpoint());
    assertEquals(1, bob.drops(DropReason.SOURCE_NOT_ALLOWED));
  }

  private static Endpoint at(Endpoint place, String source, int sourceInterface) {
    return new Endpoint(place.address(), place.port(), 0, IpAddress.parse(source), sourceInterface);
  }

  @Test
  void aSourceThatTheRoutesDoNotAgreeWithIsAskedAboutOnce() {
    WireGuardPeer peer = bob.peer(alice);
    Endpoint heard = at(alice.address, "192.0.2.200", 7);
    assertTrue(peer.heardFrom(heard));
    assertEquals(alice.address, peer.endpoint(), "not used before it is asked about");
    assertFalse(peer.heardFrom(at(alice.address, "192.0.2.200", 7)), "asked about already");
    peer.sourceFits(heard, false);
    assertFalse(peer.heardFrom(heard), "refused already");
    assertEquals(alice.address, peer.endpoint());
    assertSame(heard, peer.heardSource(), "asked about again when routes change");
    peer.sourceFits(heard, true);
    assertSame(heard, peer.endpoint());
  }

  @Test
  void aSourceInUseIsForgottenWhenRoutesLeadElsewhereAndNotTaughtByWhatWasUnderWay() {
    WireGuardPeer peer = bob.peer(alice);
    Endpoint before = at(alice.address, "192.0.2.200", 7);
    peer.heardFrom(before);
    peer.sourceFits(before, true);
    peer.sourceFits(before, false);
    assertEquals(alice.address, peer.endpoint());
    assertFalse(peer.heardFrom(before));
    assertEquals(alice.address, peer.endpoint());
    Endpoint after = at(alice.address, "198.51.100.200", 8);
    assertTrue(peer.heardFrom(after));
    peer.sourceFits(after, true);
    assertEquals(after, peer.endpoint());
  }

  @Test
  void anotherPlaceOrAnotherSourceOfAPeerWithOneIsAnsweredAtOnce() {
    WireGuardPeer peer = bob.peer(alice);
    Endpoint first = at(alice.address, "192.0.2.200", 7);
    peer.heardFrom(first);
    peer.sourceFits(first, true);
    Endpoint second = at(alice.address, "192.0.2.201", 7);
    assertTrue(peer.heardFrom(second));
    assertSame(second, peer.endpoint());
    assertSame(second, peer.heardSource());
    Endpoint roamed = at(elsewhere, "192.0.2.201", 7);
    assertTrue(peer.heardFrom(roamed));
    assertSame(roamed, peer.endpoint());
    peer.sourceFits(second, false);
    assertSame(roamed, peer.endpoint(), "an answer about an address no longer in use");
    peer.forgetSource();
    assertEquals(elsewhere, peer.endpoint());
    assertTrue(peer.heardFrom(roamed), "a change of mark begins anew");
  }

  @Test
  void localAddressThatThePeerReachedIsKeptWithoutAnEvent() {
    Endpoint sticky =
        new Endpoint(
            alice.address.address(), alice.address.port(), 0, IpAddress.parse("192.0.2.200"), 7);
    bob.receive(sticky, network.now, sealed(1));
    assertEquals(sticky, bob.peer(alice).heardSource());
    bob.peer(alice).sourceFits(sticky, true);
    assertEquals(sticky, bob.peer(alice).endpoint());
    bob.peer(alice).forgetSource(alice.address);
    assertEquals(sticky, bob.peer(alice).endpoint());
    bob.peer(alice).forgetSource(sticky);
    assertEquals(alice.address, bob.peer(alice).endpoint());
    network.run(1);
    assertEquals(List.of(), bob.events(TunnelEvent.EndpointMoved.class));
  }

  @Test
  void bytesAreCountedAsDatagramsOnTheWire() {
    byte[][] train = sealed(1, 2, 3);
    long tx = alice.peer(bob).txBytes().sum();
    long rx = bob.peer(alice).rxBytes().sum();
    assertEquals(
        Messages.INITIATION_LENGTH + 4L * train[0].length, tx, "initiation and four packets");
    receive(train);
    assertEquals(rx + 3L * train[0].length, bob.peer(alice).rxBytes().sum());
    assertEquals(Messages.RESPONSE_LENGTH, bob.peer(alice).txBytes().sum());
    assertEquals(Messages.RESPONSE_LENGTH, alice.peer(bob).rxBytes().sum());
  }

  @Test
  void packetLongerThanItsSlotIsRefusedNotSealed() {
    alice.train.startAt(alice.buffer, 0, DataMessages.DATA_HEADER);
    alice.train.add(100, 131);
    assertEquals(SealResult.DROPPED, alice.path.seal(alice.peer(bob), alice.train, network.now));
    alice.train.startAt(alice.buffer, 0, 0);
    alice.train.add(100, 200);
    assertEquals(SealResult.DROPPED, alice.path.seal(alice.peer(bob), alice.train, network.now));
    assertEquals(2, alice.drops(DropReason.MALFORMED));
  }

  @Test
  void removedPeerIsNeitherSentToNorHeard() {
    WireGuardPeer gone = bob.peer(alice);
    byte[] last = sealed(1)[0];
    bob.remove(alice);
    receive(last);
    assertEquals(1, bob.drops(DropReason.UNKNOWN_INDEX));
    byte[] packet = Node.packet(bob.inner, alice.inner, 1);
    assertEquals(SealResult.DROPPED, bob.sealPackets(gone, network.now, packet));
  }
}
