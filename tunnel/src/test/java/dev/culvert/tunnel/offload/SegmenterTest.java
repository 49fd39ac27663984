// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.NetworkOrder;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.WireGuardOverhead;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Super-packets are split as a plain reference splits them, and headers that contradict each other
 * are refused.
 */
class SegmenterTest {
  private static final int MTU = 1420;
  private static final Overhead OVERHEAD = WireGuardOverhead.INSTANCE;

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment buffer = arena.allocate(1 << 17);
  private final Train train = new Train();
  private final Segmenter segmenter = new Segmenter();

  @AfterEach
  void free() {
    arena.close();
  }

  private boolean begin(byte[] read) {
    return segmenter.begin(TestPacket.inMemory(arena, read), 0, read.length);
  }

  /** Fills train after train; each must be as the wire takes it. */
  private List<byte[]> fillAll() {
    List<byte[]> packets = new ArrayList<>();
    while (segmenter.hasNext()) {
      int next = segmenter.nextLength();
      train.startAt(buffer, 64, OVERHEAD.headroom());
      int filled = segmenter.fill(train, OVERHEAD, MTU);
      assertTrue(filled > 0, "no packet fits an empty train");
      assertEquals(filled, train.packets());
      assertEquals(next, train.length(0));
      for (int i = 0; i < filled; i++) {
        assertEquals(OVERHEAD.sealedLength(train.length(i), MTU), train.sealedLength(i));
        packets.add(buffer.asSlice(train.inner(i), train.length(i)).toArray(ValueLayout.JAVA_BYTE));
      }
    }
    return packets;
  }

  private void assertSplitsInto(List<TestPacket> expected) {
    assertEquals(expected.size(), segmenter.packets());
    List<byte[]> actual = fillAll();
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i).toBytes(), actual.get(i), "segment " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6})
  void splitsAsTheReferenceDoes(int seed) {
    Random random = new Random(seed);
    for (int i = 0; i < 150; i++) {
      int payload = random.nextInt(3) == 0 ? random.nextInt(100) : random.nextInt(65_000);
      TestPacket packet = TestPacket.random(random, payload);
      int size =
          switch (random.nextInt(3)) {
            case 0 -> 1 + random.nextInt(1400);
            case 1 -> MTU - packet.headersLength();
            default -> Math.max(1, payload / (1 + random.nextInt(70)));
          };
      assertTrue(begin(packet.toOffloaded(size)));
      assertSplitsInto(packet.split(size));
    }
  }

  @Test
  void segmentSizeOfOneByteSplitsOverSeveralTrains() {
    TestPacket packet = TestPacket.of(true, true, TestPacket.bytes(new Random(1), 200));
    assertTrue(begin(packet.toOffloaded(1)));
    assertSplitsInto(packet.split(1));
  }

  @Test
  void shorterSegmentEndsItsTrainAndPacketOfTheNextSuperPacketDoesNotFollow() {
    TestPacket packet = TestPacket.of(true, true, new byte[2500]);
    train.startAt(buffer, 0, 16);
    assertTrue(begin(packet.toOffloaded(1000)));
    assertEquals(3, segmenter.fill(train, OVERHEAD, MTU));
    assertTrue(begin(packet.toOffloaded(1000)));
    assertEquals(0, segmenter.fill(train, OVERHEAD, MTU));
    assertTrue(segmenter.hasNext());
    assertEquals(1040, segmenter.nextLength());
  }

  @Test
  void superPacketWithoutPayloadIsOnePacket() {
    for (boolean tcp : new boolean[] {true, false}) {
      TestPacket packet = TestPacket.of(false, tcp, new byte[0]);
      assertTrue(begin(packet.toOffloaded(1000)));
      assertSplitsInto(List.of(packet));
    }
  }

  @Test
  void finAndPshAreOnTheLastSegmentAndCwrOnTheFirst() {
    TestPacket packet = TestPacket.of(true, true, new byte[300]).withFlags(0xd9);
    byte[] read = packet.toOffloaded(100);
    read[1] |= (byte) VnetHeader.GSO_ECN;
    assertTrue(begin(read));
    List<byte[]> segments = fillAll();
    assertEquals(0xd0, segments.get(0)[33] & 0xff);
    assertEquals(0x50, segments.get(1)[33] & 0xff);
    assertEquals(0x59, segments.get(2)[33] & 0xff);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void singlePacketGetsItsChecksum(int seed) {
    Random random = new Random(seed);
    for (int i = 0; i < 300; i++) {
      TestPacket packet = TestPacket.random(random, random.nextInt(2000));
      assertTrue(begin(packet.toOffloaded(0)));
      assertSplitsInto(List.of(packet));
    }
  }

  @Test
  void udpChecksumOfZeroIsSentAsAllOnes() {
    for (int size : new int[] {0, 100}) {
      TestPacket packet = TestPacket.of(true, false, new byte[2]);
      byte[] bytes = packet.toBytes();
      // With the complement of the rest as payload, the sum is all ones.
      TestPacket zero = packet.withPayload(new byte[] {bytes[26], bytes[27]});
      assertEquals(0xffff, NetworkOrder.u16(MemorySegment.ofArray(zero.toBytes()), 26));
      assertTrue(begin(zero.toOffloaded(size)));
      assertSplitsInto(List.of(zero));
    }
  }

  @Test
  void packetWithoutOffloadPassesUntouchedEvenBeyondTheMtu() {
    byte[] packet = TestPacket.of(true, true, new byte[3000]).withFragment(0x2000).toBytes();
    packet[36] ^= 1;
    assertTrue(begin(TestPacket.concat(new byte[10], packet)));
    assertArrayEquals(packet, fillAll().getFirst());
  }

  @Test
  void bytesBehindThePacketAreLeftOut() {
    for (boolean v4 : new boolean[] {true, false}) {
      for (int size : new int[] {0, 50}) {
        TestPacket packet = TestPacket.of(v4, true, TestPacket.bytes(new Random(1), 175));
        assertTrue(begin(TestPacket.concat(packet.toOffloaded(size), new byte[] {1, 2, 3})));
        assertSplitsInto(packet.split(size == 0 ? 175 : size));
      }
    }
  }

  @Test
  void headerIsReadForTheClassifier() {
    TestPacket v4 = TestPacket.of(true, true, new byte[10]).withTos(0xb9);
    assertTrue(begin(v4.toOffloaded(5)));
    InnerPacket packet = segmenter.packet();
    assertTrue(packet.v4());
    assertEquals(0x0a010001, packet.source4());
    assertEquals(0x0a02c803, packet.destination4());
    assertEquals(0xb9, packet.tos());
    assertEquals(6, packet.protocol());
    assertFalse(packet.fragment());
    TestPacket v6 = TestPacket.of(false, false, new byte[10]).withTos(0xb9);
    assertTrue(begin(v6.toOffloaded(5)));
    assertFalse(packet.v4());
    assertEquals(0xfd01020304050607L, packet.sourceHigh());
    assertEquals(0x08090a0b0c0d0e01L, packet.sourceLow());
    assertEquals(0xfd09000000000000L, packet.destinationHigh());
    assertEquals(0x00000000ff000003L, packet.destinationLow());
    assertEquals(0xb9, packet.tos());
    assertEquals(17, packet.protocol());
  }

  /** One byte changed in a good super-packet of IPv4 TCP: offset in the bytes read, new value. */
  @ParameterizedTest
  @CsvSource({
    "1, 2",
    "1, 3",
    "1, 4",
    "1, 5",
    "1, 127", // another or an unknown gso_type
    "0, 0", // checksum not asked for
    "4, 0", // gso_size 0 (with the byte behind, which is 0)
    "6, 0",
    "6, 19",
    "6, 21",
    "6, 24", // csum_start before, or not at, the transport header
    "7, 255", // csum_start behind the packet
    "8, 6",
    "8, 15",
    "8, 17",
    "9, 255", // csum_offset not TCP's
    "10, 0x05",
    "10, 0x55",
    "10, 0x44",
    "10, 0x4f", // version, header length
    "12, 0xff",
    "12, 0", // total length beyond the bytes read, or within the header
    "16, 0x20",
    "17, 1", // a fragment
    "19, 17",
    "19, 1", // not TCP
    "42, 0x40",
    "42, 0",
    "42, 0xf0" // data offset too small, or beyond the packet
  })
  void contradictingHeadersAreRefused(int at, String value) {
    byte[] good = TestPacket.of(true, true, new byte[20]).toOffloaded(10);
    assertTrue(begin(good));
    good[at] = (byte) (int) Integer.decode(value);
    if (at == 12 && good[12] == 0) {
      good[13] = 19;
    }
    assertFalse(begin(good));
    assertFalse(segmenter.hasNext());
  }

  @Test
  void singlePacketWithContradictingHeadersIsRefused() {
    byte[] packet = TestPacket.of(true, true, new byte[20]).toBytes();
    byte[] shortHeader = TestPacket.concat(new byte[10], packet);
    assertTrue(begin(shortHeader));
    shortHeader[10] = 0x44;
    assertFalse(begin(shortHeader));
    int length = packet.length;
    assertTrue(begin(needsChecksum(packet, 20, length - 22)));
    assertFalse(begin(needsChecksum(packet, 20, length - 20)), "checksum behind the packet");
    assertFalse(begin(needsChecksum(packet, 20, length - 21)), "checksum half behind the packet");
    assertFalse(begin(needsChecksum(packet, 20, 15)), "checksum between two words");
    assertFalse(begin(needsChecksum(packet, 18, 18)), "checksum over the IP header");
  }

  private static byte[] needsChecksum(byte[] packet, int start, int offset) {
    return TestPacket.concat(TestPacket.vnet(1, 0, 0, 0, start, offset), packet);
  }

  @Test
  void everyTruncationIsRefused() {
    for (boolean v4 : new boolean[] {true, false}) {
      for (boolean tcp : new boolean[] {true, false}) {
        for (int size : new int[] {0, 10}) {
          byte[] good = TestPacket.of(v4, tcp, new byte[20]).toOffloaded(size);
          for (int length = 0; length < good.length; length++) {
            assertFalse(begin(Arrays.copyOf(good, length)));
          }
        }
      }
    }
  }

  @Test
  void packetTooBigForAnyTrainFillsNone() {
    TestPacket packet = TestPacket.of(false, false, new byte[65_500]);
    assertTrue(begin(packet.toOffloaded(0)));
    train.startAt(buffer, 0, 16);
    assertEquals(0, segmenter.fill(train, OVERHEAD, MTU));
    assertTrue(segmenter.hasNext());
  }

  /** Every buffer is exactly as long as it says, so a read beside it would throw. */
  @Test
  void hostileInputNeitherThrowsNorLoops() {
    Random random = new Random(99);
    byte[][] good = new byte[64][];
    for (int i = 0; i < good.length; i++) {
      int size = i % 4 == 0 ? 0 : 1 + random.nextInt(300);
      good[i] = TestPacket.random(random, random.nextInt(600)).toOffloaded(size);
    }
    MemorySegment memory = arena.allocate(2048);
    int split = 0;
    for (int i = 0; i < 200_000; i++) {
      byte[] bytes = good[random.nextInt(good.length)].clone();
      for (int j = random.nextInt(4); j >= 0; j--) {
        bytes[random.nextInt(Math.min(bytes.length, 80))] = (byte) random.nextInt();
      }
      int length = random.nextInt(4) == 0 ? random.nextInt(bytes.length + 1) : bytes.length;
      MemorySegment exact = memory.asSlice(2048 - length, length);
      exact.copyFrom(MemorySegment.ofArray(bytes).asSlice(0, length));
      if (segmenter.begin(exact, 0, length)) {
        split++;
        int left = segmenter.packets();
        while (segmenter.hasNext()) {
          train.startAt(buffer, 0, 16);
          left -= segmenter.fill(train, OVERHEAD, MTU);
        }
        assertEquals(0, left);
      }
    }
    assertTrue(split > 20_000 && split < 180_000, split + " were well-formed");
  }
}
