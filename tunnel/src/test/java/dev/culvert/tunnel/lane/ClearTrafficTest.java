// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.Policy;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.kernel.NetworkNamespace;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.PerLane;
import dev.culvert.tunnel.port.RawPort;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A node and a control-plane node, in a network namespace each, with a cable between. */
@Tag("integration")
class ClearTrafficTest {
  private static final int PORT = 6443;
  private static final int MARK = 0x200;
  private static final int PACKETS = 40;
  private static final int BATCHES = 100;
  private static final Policy POLICY =
      new Policy(
          Policy.STRICT.encrypted(),
          true,
          true,
          List.of(
              new Exemption(
                  "api",
                  NodeSelector.role("control-plane"),
                  IpProtocol.UDP,
                  List.of(PortRange.of(PORT)))));

  private final List<AutoCloseable> open = new ArrayList<>();
  private NetworkNamespace here;
  private NetworkNamespace there;
  private LaneEnd worker;

  @BeforeEach
  void connect() throws Exception {
    here = opened(NetworkNamespace.create());
    there = opened(NetworkNamespace.create());
    here.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1");
    here.exec("ip", "link", "set", "eth1", "netns", there.path());
    here.exec("ip", "link", "set", "eth0", "up");
    there.exec("ip", "link", "set", "eth1", "up");
    here.exec("ip", "addr", "add", "10.0.2.1/32", "dev", "eth0");
    there.exec("ip", "addr", "add", "10.0.1.1/32", "dev", "eth1");
    there.exec("ip", "route", "add", "10.0.2.1/32", "dev", "eth1");
    for (String[] end : new String[][] {{"eth0", "2"}, {"eth1", "1"}}) {
      NetworkNamespace namespace = end[0].equals("eth0") ? here : there;
      String address = "fd00:0:0:" + end[1] + "::1/128";
      namespace.exec("ip", "addr", "add", address, "dev", end[0], "nodad");
    }
    there.exec("ip", "route", "add", "fd00:0:0:2::1/128", "dev", "eth1");
    // Only packets with the mark find their way.
    for (String family : List.of("-4", "-6")) {
      String to = family.equals("-4") ? "10.0.1.1/32" : "fd00:0:0:1::1/128";
      here.exec("ip", family, "rule", "add", "fwmark", "" + MARK, "lookup", "100");
      here.exec("ip", family, "route", "add", to, "dev", "eth0", "table", "100");
    }
    worker =
        opened(
            new LaneEnd(2, false, 0, AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), p -> p));
    ClusterNode control =
        new ClusterNode(
            "node-1",
            Set.of("control-plane"),
            Map.of(),
            List.of(IpAddress.parse("10.0.1.1"), IpAddress.parse("fd00:0:0:1::1")),
            List.of(),
            List.of(),
            null);
    worker.join(ClusterMap.of(List.of(control, worker.node("worker")), List.of()), POLICY);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
  }

  private <T extends AutoCloseable> T opened(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private void useSockets(int mark) throws Exception {
    PerLane<RawPort> sockets =
        opened(here.call(() -> PerLane.open(1, (family, lane) -> RawPort.open(family, mark))));
    worker.lane.useClearSockets(sockets.of(0, IpFamily.V4), sockets.of(0, IpFamily.V6));
  }

  private Map<String, TrafficStatus.Volume> bypassed() {
    Map<String, TrafficStatus.Volume> bypassed = new HashMap<>();
    worker.lane.traffic().addTo(new EnumMap<>(TrafficClass.class), bypassed);
    return bypassed;
  }

  private void send(String source, String destination, int packets) throws Exception {
    IpAddress to = IpAddress.parse(destination);
    worker.feed(NumberedPackets.superPacket(IpAddress.parse(source), to, PORT, 0, packets));
    worker.lane.onTun();
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.1, 10.0.1.1", "fd00:0:0:2::1, fd00:0:0:1::1"})
  void exemptTrafficLeavesInClearInPacketsThatTheServerTakes(String source, String destination)
      throws Exception {
    useSockets(MARK);
    DatagramSocket server =
        opened(
            there.call(
                () -> {
                  InetAddress address = InetAddress.getByName(destination);
                  return new DatagramSocket(new InetSocketAddress(address, PORT));
                }));
    server.setSoTimeout(5000);
    send(source, destination, 40);
    for (int i = 0; i < 40; i++) {
      DatagramPacket datagram = new DatagramPacket(new byte[2000], 2000);
      server.receive(datagram); // the kernel has checked all checksums
      assertEquals(NumberedPackets.PAYLOAD, datagram.getLength());
      assertEquals(i, ByteBuffer.wrap(datagram.getData()).getInt());
      int markerEnd = 4 + NumberedPackets.MARKER.length;
      assertArrayEquals(
          NumberedPackets.MARKER, Arrays.copyOfRange(datagram.getData(), 4, markerEnd));
      assertEquals(InetAddress.getByName(source), datagram.getAddress());
    }
    assertEquals(40, bypassed().getOrDefault("api", new TrafficStatus.Volume(0, 0)).packets());
    assertEquals(Map.of(), worker.drops());
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.1, 10.0.1.1", "fd00:0:0:2::1, fd00:0:0:1::1"})
  void itAllocatesNothing(String source, String destination) throws Exception {
    useSockets(MARK);
    IpAddress to = IpAddress.parse(destination);
    MemorySegment read = NumberedPackets.superPacket(IpAddress.parse(source), to, PORT, 0, PACKETS);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    // An allocation per packet occurs in every round; linking a call site happens once.
    long least = Long.MAX_VALUE;
    int rounds = 0;
    for (; rounds < 20 && least > 0; rounds++) {
      long own = 0;
      for (int i = 0; i < BATCHES; i++) {
        worker.feed(read);
        long before = threads.getCurrentThreadAllocatedBytes();
        worker.lane.onTun();
        own += threads.getCurrentThreadAllocatedBytes() - before;
      }
      least = Math.min(least, own);
    }
    assertEquals(0, least, "bytes allocated by " + BATCHES + " batches");
    assertEquals(
        (long) PACKETS * BATCHES * rounds,
        bypassed().getOrDefault("api", new TrafficStatus.Volume(0, 0)).packets());
    assertEquals(Map.of(), worker.drops());
  }

  @Test
  void whatTheKernelRefusesDoesNotHoldUpWhatFollows() throws Exception {
    RawPort socket = opened(here.call(() -> RawPort.open(IpFamily.V4, MARK)));
    IpAddress from = IpAddress.parse("10.0.2.1");
    IpAddress to = IpAddress.parse("10.0.1.1");
    MemorySegment packet = NumberedPackets.superPacket(from, to, PORT, 0, 1);
    int length = (int) packet.byteSize() - VnetHeader.SIZE;
    Train train = new Train().startAt(Arena.ofAuto().allocate(10_000), 0, 0);
    for (int bytes : new int[] {length, 3000, length}) { // the second fits no cable
      long at = train.add(bytes, 3000);
      MemorySegment.copy(packet, VnetHeader.SIZE, train.memory(), at, length);
    }
    assertEquals(2, socket.send4(train, (int) to.low()));
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.1, 10.0.1.1", "fd00:0:0:2::1, fd00:0:0:1::1"})
  void withoutTheMarkItFindsNoWay(String source, String destination) throws Exception {
    useSockets(MARK + 1);
    send(source, destination, 3);
    assertEquals(Map.of(DropReason.SEND_FAILED, 3L), worker.drops());
  }
}
