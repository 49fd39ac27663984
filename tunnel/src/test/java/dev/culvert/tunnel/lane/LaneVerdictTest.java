// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import dev.culvert.tunnel.offload.VnetHeader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The verdict of a lane on single unusual packets, byte for byte. */
final class LaneVerdictTest {
  /** As long in both families, so that both may lie in one train. */
  private static final int LENGTH = 240;

  private static final int TEN_MILLISECONDS = 10_000_000;

  private final LaneCluster cluster = new LaneCluster();
  private final LaneEnd control = cluster.control;
  private final LaneEnd worker = cluster.worker;
  private final LaneEnd other = cluster.other;
  private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 64);

  LaneVerdictTest() throws IOException {}

  @AfterEach
  void close() {
    cluster.close();
  }

  /** A packet as a TUN device hands it over, with {@code behind} behind its IP header. */
  private static MemorySegment packet(String from, String to, int protocol, String behind) {
    byte[] rest = HexFormat.of().parseHex(behind);
    IpAddress source = IpAddress.parse(from);
    boolean v4 = source.v4();
    ByteBuffer out = ByteBuffer.allocate(VnetHeader.SIZE + (v4 ? 20 : 40) + rest.length);
    out.position(VnetHeader.SIZE);
    if (v4) {
      out.putShort((short) 0x4500).putShort((short) (20 + rest.length)).putInt(0);
      out.put((byte) 64).put((byte) protocol).putShort((short) 0);
    } else {
      out.putInt(6 << 28).putShort((short) rest.length).put((byte) protocol).put((byte) 64);
    }
    out.put(source.toBytes()).put(IpAddress.parse(to).toBytes()).put(rest);
    MemorySegment packet = Arena.ofAuto().allocate(out.capacity(), 8);
    packet.copyFrom(MemorySegment.ofArray(out.array()));
    return packet;
  }

  private void send(LaneEnd from, MemorySegment... packets) throws IOException {
    for (MemorySegment packet : packets) {
      from.feed(packet);
    }
    from.lane.onTun();
  }

  private int answers() {
    int answers = 0;
    while (worker.tun.take(buffer) > 0) {
      answers++;
    }
    return answers;
  }

  private Map<String, Volume> bypassed() {
    Map<String, Volume> bypassed = new HashMap<>();
    worker.lane.traffic().addTo(new EnumMap<>(TrafficClass.class), bypassed);
    return bypassed;
  }

  // ---------------------------------------------------------------- unreadable packets

  @ParameterizedTest
  @CsvSource({
    "10.0.2.1, 10.0.1.1, 17, 10, MALFORMED", // ends within the ports
    "fd00:0:0:2::1, fd00:0:0:1::1, 17, 10, MALFORMED",
    "fd00:0:0:2::1, fd00:0:0:1::1, 60, 1105000000000000, MALFORMED", // runs past the end
    "fd00:0:0:2::1, fd00:0:0:1::1, 44, 110000, MALFORMED",
    "fd00:0:0:2::1, fd00:0:0:1::1, 60, "
        + "3c00000000000000"
        + "3c00000000000000"
        + "3c00000000000000"
        + "3c00000000000000"
        + "3c00000000000000"
        + "3c00000000000000"
        + "3c00000000000000"
        + "3c00000000000000"
        + "1100000000000000"
        + "1092192b00080000"
        + ", EXTENSION_HEADERS"
  })
  void whatCannotBeReadIsCountedAndGoesNowhere(
      String from, String to, int protocol, String behind, DropReason reason) throws Exception {
    send(worker, packet(from, to, protocol, behind));
    assertEquals(Map.of(reason, 1L), worker.drops());
    assertEquals(0, worker.lane.counters().of(LaneCounter.PACKETS_SENT));
    assertEquals(Map.of(), bypassed());
    assertEquals(0, answers());
  }

  @Test
  void whatIsNoIpPacketIsCountedAndTheNextOneIsSent() throws Exception {
    MemorySegment longer = packet("10.0.2.9", "10.0.3.9", 17, "0".repeat(40));
    longer.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE + 2, (byte) 1);
    MemorySegment version5 = packet("10.0.2.9", "10.0.3.9", 17, "0".repeat(40));
    version5.set(ValueLayout.JAVA_BYTE, VnetHeader.SIZE, (byte) 0x55);
    send(worker, longer, version5, packet("10.0.2.9", "10.0.3.9", 17, "0".repeat(40)));
    assertEquals(1, cluster.received(other, 1));
    assertEquals(Map.of(DropReason.MALFORMED, 2L), worker.drops());
  }

  // ---------------------------------------------------------------- fragments

  @ParameterizedTest
  @CsvSource({"0001", "0008", "0009"}) // the first, the last, one between
  void fragmentsOfIpv6AreNotExempt(String offsetAndMore) throws Exception {
    String fragment = "1100" + offsetAndMore + "00000001" + "1092192b00100000" + "00".repeat(8);
    send(worker, packet("fd00:0:0:2::1", "fd00:0:0:1::1", 44, fragment));
    assertEquals(1, cluster.received(control, 1));
    assertEquals(Map.of(), bypassed());
    // The same in one piece, behind a header, is.
    String whole = "1100010400000000" + "1092192b00100000" + "00".repeat(8);
    send(worker, packet("fd00:0:0:2::1", "fd00:0:0:1::1", 60, whole));
    assertEquals(1, bypassed().getOrDefault("api", new Volume(0, 0)).packets());
  }

  // ---------------------------------------------------------------- packets that are answered

  @ParameterizedTest
  @CsvSource({
    "10.0.2.9, 10.0.77.9, 1, 0b00", // time exceeded
    "10.0.2.9, 10.0.77.9, 1, 0304",
    "fd00:0:0:2::9, fd00:0:0:77::9, 58, 0300",
    "fd00:0:0:2::9, fd00:0:0:77::9, 58, 0200",
    "fd00:0:0:2::9, fd00:0:0:77::9, 0, 3a00010400000000" + "0300", // the same behind a header
    "10.0.2.9, 224.0.0.1, 17, 1092192b00080000",
    "10.0.2.9, 255.255.255.255, 17, 1092192b00080000",
    "fd00:0:0:2::9, ff02::1, 17, 1092192b00080000"
  })
  void errorsAndWhatIsForManyAreDroppedInSilence(String from, String to, int protocol, String rest)
      throws Exception {
    send(worker, packet(from, to, protocol, rest + "00".repeat(40)));
    assertEquals(1, worker.drops().values().stream().mapToLong(count -> count).sum());
    assertEquals(0, answers());
    assertEquals(0, worker.lane.counters().of(LaneCounter.PACKETS_SENT));
    String unknown = from.contains(":") ? "fd00:0:0:77::9" : "10.0.77.9";
    send(worker, packet(from, unknown, 17, "1092192b00080000"));
    assertEquals(1, answers(), "and a packet that may be answered is");
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.9, 10.0.77.9, 10.0.3.9", "fd00:0:0:2::9, fd00:0:0:77::9, fd00:0:0:3::9"})
  void answersAreOneInTenMillisecondsOfEachKind(String from, String unknown, String known)
      throws Exception {
    worker.lane.limit(100);
    for (int round = 1; round <= 3; round++) {
      for (int i = 0; i < 5; i++) {
        cluster.send(worker, from, unknown, 80, 1);
        cluster.send(worker, from, known, 80, 1);
      }
      assertEquals(2, answers());
      assertEquals(
          Map.of(DropReason.NO_OWNER, 5L * round, DropReason.TOO_BIG, 5L * round), worker.drops());
      worker.now += TEN_MILLISECONDS;
    }
  }

  // ---------------------------------------------------------------- whose an opened packet is

  /**
   * Ranges that the engine gives to the control plane's node, and the cluster to another or to
   * nobody. All sources come in one train.
   */
  @ParameterizedTest
  @CsvSource({
    "10.0.1.9, 10.0.1.200",
    "10.0.1.200, 10.0.1.9",
    "fd00:0:0:1::9, fd00:0:1:1::9", // equal lower halves
    "fd00:0:1:1::9, fd00:0:0:1::9",
    "10.0.1.9, ::10.0.1.9", // equal in 64 bits
    "::10.0.1.9, 10.0.1.9"
  })
  void everyPacketOfATrainIsJudgedByItsOwnSource(String first, String second) throws Exception {
    ClusterNode heir = other.node("worker");
    List<Prefix> ranges = new ArrayList<>(heir.podCidrs());
    ranges.add(Prefix.parse("10.0.1.128/25"));
    ranges.add(Prefix.parse("fd00:0:1:1::/64"));
    ClusterMap map =
        cluster
            .map()
            .with(
                new ClusterNode(
                    heir.name(),
                    heir.roles(),
                    Map.of(),
                    heir.internal(),
                    List.of(),
                    ranges,
                    heir.peer()));
    worker.join(map, LaneCluster.POLICY);
    control.clusterRoutes.set(null);
    send(control, padded(first), padded(second), padded(second), padded(first), padded(second));
    boolean firstBelongs = first.equals("10.0.1.9") || first.equals("fd00:0:0:1::9");
    int own = firstBelongs ? 2 : 3;
    assertEquals(own, cluster.received(worker, own));
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 5L - own), worker.drops());
    assertEquals(own, worker.lane.counters().of(LaneCounter.PACKETS_DELIVERED));
    assertEquals(1, worker.lane.counters().of(LaneCounter.TRAINS_RECEIVED), "one train");
  }

  @Test
  void whatTheEngineRefusedIsNotCountedAgain() throws Exception {
    control.clusterRoutes.set(null);
    send(control, padded("10.0.1.9"), padded("10.0.9.9"), padded("10.0.1.9"));
    assertEquals(2, cluster.received(worker, 2));
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 1L), worker.drops());
    assertEquals(2, worker.lane.counters().of(LaneCounter.PACKETS_DELIVERED));
    assertEquals(2 * LENGTH, worker.lane.counters().of(LaneCounter.BYTES_DELIVERED));
    assertEquals(3 * LENGTH, control.lane.counters().of(LaneCounter.BYTES_SENT));
  }

  /** From there to a pod of the worker's, with a payload up to {@link #LENGTH}. */
  private static MemorySegment padded(String from) {
    boolean v4 = IpAddress.parse(from).v4();
    String rest = "1092005000080000" + "00".repeat(LENGTH - 8 - (v4 ? 20 : 40));
    return packet(from, v4 ? "10.0.2.9" : "fd00:0:0:2::9", 17, rest);
  }
}
