// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A lane with a socket of each address family, of which only one takes trains as one message. */
class SegmentationLaneTest {
  private static final int SENDER = 1;
  private static final int RECEIVER = 2;
  private static final int MSS = 1000;
  private static final int HEADERS = 40;
  private static final int TRAIN = 4;
  private static final long START = 1_000_000_000;
  private static final long GIVE_UP_NANOS = 10_000_000_000L;

  private final List<AutoCloseable> open = new ArrayList<>();
  private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 64);

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  private LaneEnd end(int number) throws IOException {
    LaneEnd end = new LaneEnd(number, false, 0, LaneCluster.BACKEND, path -> path);
    open.add(end);
    return end;
  }

  /**
   * Gives a lane new sockets, of which only that of one family segments; returns the wanted one.
   */
  private UdpPort equip(LaneEnd end, IpFamily segmenting, IpFamily wanted) throws IOException {
    UdpPort v4 = bind(IpFamily.V4, segmenting);
    UdpPort v6 = bind(IpFamily.V6, segmenting);
    end.lane.useSockets(v4, v6);
    return wanted == IpFamily.V4 ? v4 : v6;
  }

  private UdpPort bind(IpFamily family, IpFamily segmenting) throws IOException {
    UdpPort socket =
        UdpPort.bind(family, 0, false, new UdpOptions(1 << 20, 0, family == segmenting, true));
    open.add(socket);
    return socket;
  }

  private static Endpoint at(UdpPort socket) {
    String loopback = socket.family() == IpFamily.V4 ? "127.0.0.1" : "::1";
    return Endpoint.of(IpAddress.parse(loopback), socket.port());
  }

  @ParameterizedTest
  @CsvSource({"V4, V4, true", "V4, V6, false", "V6, V4, false", "V6, V6, true"})
  void lossesCountIfTheSocketOfThePeersOwnFamilySegments(
      IpFamily segmenting, IpFamily peers, boolean noticed) throws Exception {
    LaneEnd sender = end(SENDER);
    LaneEnd receiver = end(RECEIVER);
    sender.connect(receiver);
    UdpPort here = equip(sender, segmenting, peers);
    UdpPort there = equip(receiver, peers, peers);
    assumeTrue(there.segmentation(), "the kernel has no UDP_SEGMENT");
    sender.reach(receiver, at(there));
    receiver.reach(sender, at(here));
    sender.now = START;
    for (int round = 0; round < SegmentationWatch.ROUNDS; round++) {
      int sequence = round * TRAIN * MSS;
      // A train that is lost, its beginning alone, and the answer to that.
      send(sender, packet(SENDER, RECEIVER, sequence, 0, TRAIN));
      send(sender, packet(SENDER, RECEIVER, sequence, 0, 1));
      send(receiver, packet(RECEIVER, SENDER, 0, sequence + MSS, 0));
      receive(sender, here);
    }
    assertEquals(noticed, sender.segmentation.isSuspended(sender.now));
  }

  private static void send(LaneEnd from, MemorySegment packet) throws IOException {
    from.feed(packet);
    from.lane.onTun();
    assertEquals(Map.of(), from.drops());
  }

  private void receive(LaneEnd end, UdpPort socket) throws IOException {
    long start = System.nanoTime();
    do {
      assertTrue(System.nanoTime() - start < GIVE_UP_NANOS, () -> "dropped: " + end.drops());
      end.lane.onUdp(socket);
    } while (end.tun.take(buffer) <= 0);
  }

  /** So many segments of TCP, as one super-packet with its virtio-net header. */
  private static MemorySegment packet(int from, int to, int sequence, int answer, int segments) {
    int length = HEADERS + segments * MSS;
    ByteBuffer out = ByteBuffer.allocate(VnetHeader.SIZE + length);
    out.position(VnetHeader.SIZE);
    out.putShort((short) 0x4500).putShort((short) length).putInt(0x4000);
    out.put((byte) 64).put((byte) 6).putShort((short) 0);
    out.putInt(10 << 24 | from << 8 | 1).putInt(10 << 24 | to << 8 | 1);
    out.putShort((short) (5200 + from)).putShort((short) (5200 + to));
    out.putInt(sequence).putInt(answer).putShort((short) 0x5010).putShort((short) 500);
    MemorySegment packet = Arena.ofAuto().allocate(out.capacity(), 8);
    packet.copyFrom(MemorySegment.ofArray(out.array()));
    boolean one = segments <= 1;
    int type = one ? VnetHeader.GSO_NONE : VnetHeader.GSO_TCPV4;
    VnetHeader.put(packet, 0, VnetHeader.NEEDS_CSUM, type, HEADERS, one ? 0 : MSS, 20, 16);
    return packet;
  }
}
