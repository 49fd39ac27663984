// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.offload.TunSink.Written;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.WireGuardOverhead;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Only verified packets of one flow that splitting would restore are merged; all others pass
 * singly, unchanged and in the order of their flow.
 */
class CoalescerTest {
  private static final int ACK_PSH = 0x18;

  private final Arena arena = Arena.ofConfined();
  private final TunSink tun = new TunSink();
  private final Coalescer coalescer = new Coalescer(arena, tun, true, true);

  @AfterEach
  void free() {
    arena.close();
  }

  /** Opened packets of any lengths, each a train of one. */
  private void add(Coalescer to, byte[] packet) {
    Train train = new Train();
    MemorySegment memory = arena.allocate(packet.length + 16);
    memory.asSlice(16).copyFrom(MemorySegment.ofArray(packet));
    train.received(memory, 0, packet.length + 16, 1, packet.length + 16);
    train.headroom(16);
    train.length(0, packet.length);
    to.add(train);
  }

  private List<Written> coalesce(List<byte[]> packets) {
    packets.forEach(packet -> add(coalescer, packet));
    coalescer.flush();
    List<Written> written = List.copyOf(tun.written);
    tun.written.clear();
    return written;
  }

  private List<Written> coalescePackets(List<TestPacket> packets) {
    return coalesce(packets.stream().map(TestPacket::toBytes).toList());
  }

  private static TestPacket mergeable(Random random, int payload) {
    return TestPacket.random(random, payload)
        .withIpOptions(new byte[0])
        .withExtensions(0)
        .withFlags(0x10 | (random.nextInt(256) & 0x09));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void whatWasSplitIsMergedIntoTheSameSuperPacket(int seed) {
    Random random = new Random(seed);
    for (int i = 0; i < 200; i++) {
      int size = 1 + random.nextInt(1400);
      int most = Math.min(64 * size, 65_435);
      TestPacket packet = mergeable(random, size + 1 + random.nextInt(most - size));
      List<Written> written = coalescePackets(packet.split(size));
      assertEquals(1, written.size());
      assertArrayEquals(packet.toOffloaded(size), written.getFirst().all());
      assertEquals((packet.payload().length + size - 1) / size, written.getFirst().packets());
    }
  }

  @Test
  void wholeTrainMergesWhereItLies() {
    TestPacket packet = TestPacket.of(true, true, TestPacket.bytes(new Random(1), 5200));
    byte[] read = packet.toOffloaded(1300);
    Train train = new Train().startAt(arena.allocate(10_000), 8, 16);
    Segmenter segmenter = new Segmenter();
    assertTrue(segmenter.begin(TestPacket.inMemory(arena, read), 0, read.length));
    assertEquals(4, segmenter.fill(train, WireGuardOverhead.INSTANCE, 1420));
    coalescer.add(train);
    assertEquals(0, tun.written.size());
    coalescer.flush();
    assertArrayEquals(read, tun.written.getFirst().all());
    coalescer.flush();
    assertEquals(1, tun.written.size());
  }

  @Test
  void refusedPacketsAndKeepalivesAreLeftOut() {
    TestPacket packet = TestPacket.of(true, true, new byte[3000]);
    byte[] read = packet.toOffloaded(1000);
    Train train = new Train().startAt(arena.allocate(10_000), 0, 16);
    Segmenter segmenter = new Segmenter();
    assertTrue(segmenter.begin(TestPacket.inMemory(arena, read), 0, read.length));
    segmenter.fill(train, WireGuardOverhead.INSTANCE, 1420);
    train.length(1, 0);
    coalescer.add(train);
    coalescer.flush();
    // The gap parts the sequence.
    assertEquals(2, tun.written.size());
    assertEquals(1, tun.written.get(0).packets());
  }

  private static Named<UnaryOperator<TestPacket>> change(
      String name, UnaryOperator<TestPacket> change) {
    return Named.of(name, change);
  }

  static Stream<Named<UnaryOperator<TestPacket>>> changesOfTheSecondPacket() {
    return Stream.of(
        change("another source", p -> p.withHost(2)),
        change("another port", p -> p.withPort(4243)),
        change("a gap in the sequence", p -> p.withSequence(p.sequence() + 1)),
        change("a retransmission", p -> p.withSequence(p.sequence() - p.payload().length)),
        change("another acknowledgement", p -> p.withAcknowledgement(78)),
        change("another window", p -> p.withWindow(513)),
        change("no ACK", p -> p.withFlags(0)),
        change("SYN", p -> p.withFlags(0x12)),
        change("RST", p -> p.withFlags(0x14)),
        change("URG", p -> p.withFlags(0x30)),
        change("ECE", p -> p.withFlags(0x50)),
        change("CWR", p -> p.withFlags(0x90)),
        change("another option", p -> p.withTcpOptions(new byte[] {1, 1, 1, 0})),
        change("one option more", p -> p.withTcpOptions(new byte[] {1, 1, 1, 1, 1, 1, 1, 1})),
        change("a CE mark", p -> p.withTos(3)),
        change("another DSCP", p -> p.withTos(0x20)),
        change("another TTL", p -> p.withTtl(63)),
        change("more payload", p -> p.withPayload(new byte[101])),
        change("no payload", p -> p.withPayload(new byte[0])));
  }

  @ParameterizedTest
  @MethodSource("changesOfTheSecondPacket")
  void packetsThatDifferAreNotMerged(UnaryOperator<TestPacket> change) {
    for (boolean v4 : new boolean[] {true, false}) {
      assertNotMerged(v4, change);
    }
  }

  static Stream<Named<UnaryOperator<TestPacket>>> changesOfIpv4() {
    return Stream.of(
        change("DF", p -> p.withFragment(0x4000)),
        change("the reserved bit", p -> p.withFragment(0x8000)),
        change("first fragment", p -> p.withFragment(0x2000)),
        change("later fragment", p -> p.withFragment(100)),
        change("options", p -> p.withIpOptions(new byte[] {1, 1, 1, 0})),
        change("an id that does not follow", p -> p.withId(p.id() + 1)));
  }

  @ParameterizedTest
  @MethodSource("changesOfIpv4")
  void ipv4PacketsThatDifferAreNotMerged(UnaryOperator<TestPacket> change) {
    assertNotMerged(true, change);
  }

  @Test
  void ipv6PacketsThatDifferAreNotMerged() {
    assertNotMerged(false, p -> p.withLabel(0x12346));
    assertNotMerged(false, p -> p.withExtensions(1));
  }

  private void assertNotMerged(boolean v4, UnaryOperator<TestPacket> change) {
    TestPacket whole =
        TestPacket.of(v4, true, new byte[200]).withTcpOptions(new byte[] {1, 1, 1, 1});
    List<TestPacket> pair = whole.split(100);
    assertEquals(1, coalescePackets(pair).size(), "unchanged, they merge");
    List<byte[]> changed = List.of(pair.get(0).toBytes(), change.apply(pair.get(1)).toBytes());
    assertPassedSingly(changed, coalesce(changed));
    // Unusual packets do not even begin a super-packet of their kind.
    TestPacket first = change.apply(whole);
    if (first.flags() != 0x10 || first.ipOptions().length > 0 || first.extensions() > 0) {
      List<byte[]> both = first.split(100).stream().map(TestPacket::toBytes).toList();
      if (both.size() == 2) {
        assertPassedSingly(both, coalesce(both));
      }
    }
  }

  private static void assertPassedSingly(List<byte[]> packets, List<Written> written) {
    assertEquals(packets.size(), written.size());
    for (int i = 0; i < packets.size(); i++) {
      assertArrayEquals(packets.get(i), written.get(i).packet());
      assertEquals(0, written.get(i).gsoType());
      assertEquals(1, written.get(i).packets());
    }
  }

  @Test
  void idOfWhatIsNeverFragmentedDoesNotMatter() {
    List<TestPacket> pair =
        TestPacket.of(true, true, new byte[200]).withFragment(0x4000).split(100);
    assertEquals(1, coalescePackets(List.of(pair.get(0), pair.get(1).withId(7))).size());
  }

  @Test
  void pshFinAndShorterPayloadEndASuperPacket() {
    List<TestPacket> four = TestPacket.of(true, true, new byte[400]).split(100);
    for (int flags : new int[] {ACK_PSH, 0x11}) {
      List<Written> written =
          coalescePackets(
              List.of(four.get(0), four.get(1).withFlags(flags), four.get(2), four.get(3)));
      assertEquals(2, written.size());
      assertEquals(flags, written.get(0).packet()[33]);
      assertEquals(0x10, written.get(1).packet()[33]);
    }
    TestPacket shorter = four.get(1).withPayload(new byte[99]);
    TestPacket after = four.get(2).withSequence(shorter.sequence() + 99);
    assertEquals(2, coalescePackets(List.of(four.get(0), shorter, after)).size());
  }

  @Test
  void verifiedSinglePacketSaysSo() {
    List<Written> written = coalescePackets(List.of(TestPacket.of(true, true, new byte[9])));
    assertEquals(VnetHeader.DATA_VALID, written.getFirst().flags());
    List<Written> acknowledgement =
        coalescePackets(List.of(TestPacket.of(true, true, new byte[0])));
    assertEquals(0, acknowledgement.getFirst().flags());
  }

  /** The kernel would write a new checksum for a super-packet: damage must not be hidden so. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void damagedPacketPassesUntouchedAndUnmerged(boolean tcp) {
    List<byte[]> three =
        TestPacket.of(true, tcp, TestPacket.bytes(new Random(1), 90)).split(30).stream()
            .map(TestPacket::toBytes)
            .toList();
    for (int bit = 0; bit < three.get(1).length * 8; bit++) {
      byte[] damaged = three.get(1).clone();
      damaged[bit / 8] ^= (byte) (1 << bit % 8);
      List<Written> written = coalesce(List.of(three.get(0), damaged, three.get(2)));
      Written passed =
          written.stream()
              .filter(w -> Arrays.equals(w.packet(), damaged))
              .findFirst()
              .orElseThrow(() -> new AssertionError("damaged packet was changed or merged"));
      assertEquals(0, passed.flags());
    }
  }

  @Test
  void damagedIpv6PayloadPassesUntouchedAndUnmerged() {
    List<byte[]> pair =
        TestPacket.of(false, true, new byte[60]).split(30).stream()
            .map(TestPacket::toBytes)
            .toList();
    for (int at = 8; at < pair.get(1).length; at++) {
      byte[] damaged = pair.get(1).clone();
      damaged[at] ^= 1;
      List<Written> written = coalesce(List.of(pair.get(0), damaged));
      assertEquals(2, written.size());
      assertTrue(written.stream().anyMatch(w -> Arrays.equals(w.packet(), damaged)));
    }
  }

  @Test
  void udpWithoutChecksumOrWithAnotherLengthIsNotMerged() {
    List<byte[]> pair =
        TestPacket.of(true, false, new byte[60]).split(30).stream()
            .map(TestPacket::toBytes)
            .toList();
    assertEquals(1, coalesce(pair).size());
    byte[] unchecked = pair.get(1).clone();
    TestPacket.put16(unchecked, 26, 0);
    assertPassedSingly(List.of(pair.get(0), unchecked), coalesce(List.of(pair.get(0), unchecked)));
    byte[] shorter = pair.get(1).clone();
    TestPacket.put16(shorter, 24, 37);
    assertPassedSingly(List.of(pair.get(0), shorter), coalesce(List.of(pair.get(0), shorter)));
  }

  @Test
  void deviceWithoutOffloadGetsSinglePackets() {
    for (boolean tcp : new boolean[] {true, false}) {
      Coalescer onlyOther = new Coalescer(arena, tun, !tcp, tcp);
      TestPacket whole = TestPacket.of(true, tcp, new byte[200]);
      whole.split(100).forEach(packet -> add(onlyOther, packet.toBytes()));
      assertEquals(2, tun.written.size());
      tun.written.clear();
    }
  }

  @Test
  void superPacketStaysWithinTheKernelsLimits() {
    TestPacket large = TestPacket.of(true, true, new byte[100_000]);
    List<Written> written = coalescePackets(large.split(9000));
    assertEquals(List.of(7, 5), written.stream().map(Written::packets).toList());
    TestPacket many = TestPacket.of(false, false, new byte[1300]);
    written = coalescePackets(many.split(10));
    assertEquals(List.of(64, 64, 2), written.stream().map(Written::packets).toList());
  }

  @Test
  void interleavedFlowsAreMergedEach() {
    List<TestPacket> packets = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      for (int flow = 0; flow < Coalescer.FLOWS; flow++) {
        TestPacket whole = TestPacket.of(flow % 2 == 0, flow % 4 < 2, new byte[1000]);
        packets.add(whole.withPort(flow).split(100).get(i));
      }
    }
    List<Written> written = coalescePackets(packets);
    assertEquals(Coalescer.FLOWS, written.size());
    written.forEach(w -> assertEquals(10, w.packets()));
  }

  @Test
  void moreFlowsThanAreHeldAtOnceLoseNothing() {
    List<TestPacket> packets = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      for (int flow = 0; flow < 2 * Coalescer.FLOWS + 1; flow++) {
        TestPacket whole = TestPacket.of(true, true, new byte[400]);
        packets.add(whole.withPort(flow).split(100).get(i));
        packets.add(whole.withHost(9).split(100).get(i));
      }
    }
    List<byte[]> sent = packets.stream().map(TestPacket::toBytes).toList();
    List<byte[]> split = new ArrayList<>();
    coalesce(sent).forEach(w -> split.addAll(splitAgain(w.all())));
    assertEquals(byFlow(sent), byFlow(split));
  }

  @Test
  void packetWithBytesBehindItPassesUntouchedAndUnmerged() {
    for (boolean v4 : new boolean[] {true, false}) {
      List<TestPacket> pair = TestPacket.of(v4, true, new byte[200]).split(100);
      byte[] first = pair.get(0).toBytes();
      byte[] longer = TestPacket.concat(pair.get(1).toBytes(), new byte[3]);
      assertPassedSingly(List.of(first, longer), coalesce(List.of(first, longer)));
    }
  }

  @Test
  void whatCannotBeMergedComesAfterItsFlowAndBeforeWhatFollows() {
    List<TestPacket> parts = TestPacket.of(true, true, new byte[400]).split(100);
    TestPacket pureAck = parts.get(2).withPayload(new byte[0]);
    TestPacket otherFlow = parts.get(0).withPort(1);
    List<Written> written =
        coalescePackets(
            List.of(otherFlow, parts.get(0), parts.get(1), pureAck, parts.get(2), parts.get(3)));
    assertEquals(List.of(2, 1, 1, 2), written.stream().map(Written::packets).toList());
    assertArrayEquals(pureAck.toBytes(), written.get(1).packet());
    assertArrayEquals(otherFlow.toBytes(), written.get(2).packet());
    // A fragment has no ports: it may be of any flow between its hosts.
    TestPacket fragment = parts.get(0).withFragment(100);
    written = coalescePackets(List.of(otherFlow, parts.get(0).withHost(9), fragment));
    assertArrayEquals(otherFlow.toBytes(), written.get(0).packet());
    assertArrayEquals(fragment.toBytes(), written.get(1).packet());
  }

  /**
   * Splitting the coalescer's output gives back each flow's packets, byte for byte and in order,
   * whatever was among them.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void nothingIsLostChangedOrReordered(int seed) {
    Random random = new Random(seed);
    List<byte[]> sent = randomTraffic(random, 3000);
    List<Written> written = new ArrayList<>();
    for (int i = 0; i < sent.size(); i += 50) {
      written.addAll(coalesce(sent.subList(i, Math.min(sent.size(), i + 50))));
    }
    assertTrue(written.size() < sent.size() / 2, written.size() + " writes");
    List<byte[]> split = new ArrayList<>();
    for (Written w : written) {
      split.addAll(splitAgain(w.all()));
    }
    assertEquals(sent.size(), split.size());
    Map<String, List<Integer>> expected = byFlow(sent);
    Map<String, List<Integer>> actual = byFlow(split);
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach((flow, packets) -> assertEquals(packets, actual.get(flow), flow));
    assertTrue(expected.size() > 10);
  }

  private static List<byte[]> randomTraffic(Random random, int count) {
    TestPacket[] flows = new TestPacket[12];
    for (int i = 0; i < flows.length; i++) {
      flows[i] = TestPacket.of(i % 2 == 0, i % 3 != 0, new byte[0]).withPort(i);
    }
    List<byte[]> sent = new ArrayList<>();
    while (sent.size() < count) {
      int flow = random.nextInt(flows.length);
      int size = 1 + random.nextInt(200);
      TestPacket whole =
          flows[flow].withPayload(TestPacket.bytes(random, size * (1 + random.nextInt(30))));
      if (random.nextInt(4) == 0) {
        whole = whole.withFlags(ACK_PSH);
      }
      for (TestPacket packet : whole.split(size)) {
        byte[] bytes = randomlyChanged(random, packet).toBytes();
        if (random.nextInt(50) == 0) {
          bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        sent.add(bytes);
      }
      flows[flow] =
          whole
              .withSequence(whole.sequence() + whole.payload().length)
              .withId(random.nextInt(65_536))
              .withFlags(0x10);
    }
    return sent;
  }

  private static TestPacket randomlyChanged(Random random, TestPacket packet) {
    return switch (random.nextInt(100)) {
      case 0 -> packet.withTos(3);
      case 1 -> packet.withTtl(1);
      case 2 -> packet.withWindow(3);
      case 3 -> packet.withFlags(0x12);
      case 4 -> packet.withPayload(new byte[0]);
      case 5 -> packet.withSequence(packet.sequence() + 5);
      case 6 -> packet.withIpOptions(new byte[4]);
      case 7 -> packet.withExtensions(2);
      case 8 -> packet.withFragment(0x2000);
      case 9 -> packet.withTcpOptions(new byte[8]);
      default -> packet;
    };
  }

  private List<byte[]> splitAgain(byte[] written) {
    MemorySegment memory = MemorySegment.ofArray(written);
    if (VnetHeader.gsoType(memory, 0) == VnetHeader.GSO_NONE) {
      return List.of(Arrays.copyOfRange(written, VnetHeader.SIZE, written.length));
    }
    Segmenter segmenter = new Segmenter();
    assertTrue(segmenter.begin(memory, 0, written.length));
    List<byte[]> packets = new ArrayList<>();
    byte[] buffer = new byte[70_000];
    while (segmenter.hasNext()) {
      Train train = new Train().startAt(MemorySegment.ofArray(buffer), 0, 16);
      segmenter.fill(train, WireGuardOverhead.INSTANCE, 1420);
      for (int i = 0; i < train.packets(); i++) {
        int at = (int) train.inner(i);
        packets.add(Arrays.copyOfRange(buffer, at, at + train.length(i)));
      }
    }
    return packets;
  }

  /** Hashes of packets in order by addresses, protocol and ports, or the bytes in their place. */
  private static Map<String, List<Integer>> byFlow(List<byte[]> packets) {
    Map<String, List<Integer>> flows = new HashMap<>();
    for (byte[] packet : packets) {
      boolean v4 = packet[0] >>> 4 == 4;
      int transport = v4 ? (packet[0] & 15) * 4 : 40;
      int addresses = v4 ? 12 : 8;
      String key =
          packet[v4 ? 9 : 6]
              + Arrays.toString(Arrays.copyOfRange(packet, addresses, v4 ? 20 : 40))
              + Arrays.toString(Arrays.copyOfRange(packet, transport, transport + 4));
      flows.computeIfAbsent(key, k -> new ArrayList<>()).add(Arrays.hashCode(packet));
    }
    return flows;
  }

  @Test
  void whatIsNoPacketPassesSingly() {
    byte[] noise = {0x12, 0x34};
    assertPassedSingly(List.of(noise), coalesce(List.of(noise)));
  }

  @Test
  void hostileInputNeitherThrowsNorReadsBesideThePacket() {
    Random random = new Random(5);
    MemorySegment memory = arena.allocate(512);
    Train train = new Train();
    int merged = 0;
    Coalescer counting =
        new Coalescer(arena, (iovecs, count, packets, bytes) -> assertTrue(bytes > 0), true, true);
    for (int i = 0; i < 200_000; i++) {
      byte[] packet = TestPacket.random(random, random.nextInt(100)).toBytes();
      for (int j = random.nextInt(3); j > 0; j--) {
        packet[random.nextInt(packet.length)] = (byte) random.nextInt();
      }
      int length = random.nextInt(4) == 0 ? 1 + random.nextInt(packet.length) : packet.length;
      MemorySegment exact = memory.asSlice(512 - length, length);
      exact.copyFrom(MemorySegment.ofArray(packet).asSlice(0, length));
      train.received(exact, 0, length, 1, length);
      train.length(0, length);
      counting.add(train);
      merged += length;
      counting.flush();
    }
    assertTrue(merged > 0);
  }
}
