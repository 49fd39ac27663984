// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import dev.culvert.tunnel.offload.VnetHeader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lanes of three nodes that go by one cluster's classifier. */
final class ClusterLaneTest {
  private static final int EXEMPT = LaneCluster.EXEMPT;
  private static final Policy POLICY = LaneCluster.POLICY;

  private final LaneCluster cluster = new LaneCluster();
  private final LaneEnd control = cluster.control;
  private final LaneEnd worker = cluster.worker;
  private final LaneEnd other = cluster.other;
  private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 64);

  ClusterLaneTest() throws IOException {}

  @AfterEach
  void close() {
    cluster.close();
  }

  private ClusterMap map() {
    return cluster.map();
  }

  private void send(LaneEnd from, String source, String destination, int port, int packets)
      throws IOException {
    cluster.send(from, source, destination, port, packets);
  }

  private int received(LaneEnd to, int expected) throws IOException {
    return cluster.received(to, expected);
  }

  private static Map<TrafficClass, Volume> encrypted(LaneEnd end) {
    Map<TrafficClass, Volume> encrypted = new EnumMap<>(TrafficClass.class);
    end.lane.traffic().addTo(encrypted, new HashMap<>());
    return encrypted;
  }

  private static Map<String, Volume> bypassed(LaneEnd end) {
    Map<String, Volume> bypassed = new HashMap<>();
    end.lane.traffic().addTo(new EnumMap<>(TrafficClass.class), bypassed);
    return bypassed;
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.2.9, 10.0.3.9, POD_TO_POD, 28",
    "10.0.2.9, 10.0.3.1, POD_TO_NODE, 28",
    "10.0.2.1, 10.0.3.9, NODE_TO_POD, 28",
    "10.0.2.1, 10.0.3.1, NODE_TO_NODE, 28",
    "fd00:0:0:2::9, fd00:0:0:3::9, POD_TO_POD, 48",
    "fd00:0:0:2::1, fd00:0:0:3::1, NODE_TO_NODE, 48"
  })
  void everyClassIsSealedForTheOwnerAndCountedByClass(
      String source, String destination, TrafficClass traffic, int headers) throws Exception {
    send(worker, source, destination, 80, 5);
    assertEquals(5, received(other, 5));
    long bytes = 5L * (headers + NumberedPackets.PAYLOAD);
    assertEquals(Map.of(traffic, new Volume(5, bytes)), encrypted(worker));
    assertEquals(Map.of(), worker.drops());
    assertEquals(Map.of(), other.drops());
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.2.9, 10.0.77.9, NO_OWNER, 1",
    "10.0.2.9, 192.0.2.1, OUTSIDE_CLUSTER, 0",
    "10.0.9.9, 10.0.3.9, FOREIGN_SOURCE, 13",
    "fd00:0:0:2::9, fd00:0:0:77::9, NO_OWNER, 3",
    "fd00:0:0:2::9, 2001:db8::1, OUTSIDE_CLUSTER, 0"
  })
  void whatIsNobodysIsDroppedCountedAndItsSenderTold(
      String source, String destination, DropReason reason, int code) throws Exception {
    send(worker, source, destination, EXEMPT, 5);
    assertEquals(Map.of(reason, 5L), worker.drops());
    assertTrue(worker.tun.take(buffer) > 0, "an ICMP error");
    boolean v4 = IpAddress.parse(source).v4();
    int icmp = VnetHeader.SIZE + (v4 ? 20 : 40);
    assertEquals(v4 ? 3 : 1, buffer.get(ValueLayout.JAVA_BYTE, icmp));
    assertEquals(code, buffer.get(ValueLayout.JAVA_BYTE, icmp + 1));
    assertEquals(Map.of(), encrypted(worker));
  }

  @Test
  void whatIsForThisNodeItselfIsDroppedInSilence() throws Exception {
    send(worker, "10.0.2.9", "10.0.2.10", 80, 1);
    assertEquals(Map.of(DropReason.LOCAL_DESTINATION, 1L), worker.drops());
    assertTrue(worker.tun.take(buffer) <= 0, "no ICMP error");
  }

  @Test
  void aNodeWhosePeerTheEngineDoesNotKnowGetsNothing() throws Exception {
    LaneEnd stranger = new LaneEnd(4, false, 0, LaneCluster.BACKEND, path -> path);
    worker.join(map().with(stranger.node("worker")), POLICY);
    send(worker, "10.0.2.9", "10.0.4.9", 80, 3);
    assertEquals(Map.of(DropReason.NO_PEER, 3L), worker.drops());
    assertTrue(worker.tun.take(buffer) > 0, "an ICMP error");
    assertEquals(Map.of(), encrypted(worker));
    stranger.close();
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.1, 10.0.1.1, 228", "fd00:0:0:2::1, fd00:0:0:1::1, 248"})
  void exemptTrafficIsNeverSealedAndCountedByItsRule(String source, String destination, int length)
      throws Exception {
    send(worker, source, destination, EXEMPT, 4);
    assertEquals(Map.of("api", new Volume(4, 4L * length)), bypassed(worker));
    assertEquals(0, worker.lane.counters().of(LaneCounter.PACKETS_SENT));
    // There is no raw socket here.
    assertEquals(Map.of(DropReason.SEND_FAILED, 4L), worker.drops());
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.9, 6443", "10.0.2.1, 6444"})
  void podsAndOtherPortsAreNotExempt(String source, int port) throws Exception {
    send(worker, source, "10.0.1.1", port, 4);
    assertEquals(4, received(control, 4));
    assertEquals(Map.of(), bypassed(worker));
  }

  @Test
  void fragmentsAreNotExempt() throws Exception {
    IpAddress from = IpAddress.parse("10.0.2.1");
    MemorySegment first =
        NumberedPackets.superPacket(from, IpAddress.parse("10.0.1.1"), EXEMPT, 0, 1);
    VnetHeader.putPlain(first, 0, 0);
    for (int fragmentField : new int[] {0x20, 0x0100}) { // more fragments; offset 1
      first.set(ValueLayout.JAVA_SHORT_UNALIGNED, VnetHeader.SIZE + 6, (short) fragmentField);
      worker.feed(first);
    }
    worker.lane.onTun();
    assertEquals(2, received(control, 2));
    assertEquals(Map.of(), bypassed(worker));
  }

  @Test
  void anAddressHandedToAPodOfAnotherNodeChangesHandsAtOnce() throws Exception {
    ClusterNode gone = control.node("control-plane");
    ClusterNode without =
        new ClusterNode(
            gone.name(), gone.roles(), Map.of(), List.of(), List.of(), List.of(), gone.peer());
    ClusterNode heir = other.node("worker");
    ClusterNode with =
        new ClusterNode(
            heir.name(),
            heir.roles(),
            Map.of(),
            heir.internal(),
            List.of(),
            List.of(Prefix.parse("10.0.3.0/24"), Prefix.parse("10.0.1.1/32")),
            heir.peer());
    send(worker, "10.0.2.1", "10.0.1.1", 80, 1);
    assertEquals(1, received(control, 1));
    worker.join(map().with(without).with(with), POLICY);
    send(worker, "10.0.2.1", "10.0.1.1", 80, 1);
    assertEquals(1, received(other, 1));
    send(worker, "10.0.2.1", "10.0.1.1", EXEMPT, 1);
    assertEquals(1, received(other, 1));
    // Its engine still gives the address to the old owner, whose packets are no longer taken.
    send(control, "10.0.1.1", "10.0.2.9", 80, 1);
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while (worker.drops().isEmpty() && System.nanoTime() < giveUp) {
      worker.lane.onUdp(worker.socket);
    }
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 1L), worker.drops());
    assertTrue(worker.tun.take(buffer) <= 0, "nothing is delivered");
  }

  @Test
  void aSourceThatTheClusterGivesToAnotherIsRefusedThoughTheEngineAllowsIt() throws Exception {
    ClusterMap map = map().without("node-1");
    worker.join(map, POLICY);
    control.join(map(), POLICY);
    send(control, "10.0.1.9", "10.0.2.9", 80, 6);
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while (worker.drops().isEmpty() && System.nanoTime() < giveUp) {
      worker.lane.onUdp(worker.socket);
    }
    assertEquals(Map.of(DropReason.SOURCE_NOT_ALLOWED, 6L), worker.drops());
    assertTrue(worker.tun.take(buffer) <= 0, "nothing is delivered");
    assertEquals(0, worker.lane.counters().of(LaneCounter.PACKETS_DELIVERED));
  }

  @Test
  void twoNodesWithOnePeerAreRefused() {
    ClusterNode twin = other.node("worker");
    ClusterNode same =
        new ClusterNode("twin", Set.of(), Map.of(), List.of(), List.of(), List.of(), twin.peer());
    assertThrows(IllegalArgumentException.class, () -> worker.join(map().with(same), POLICY));
  }

  @Test
  void theWholeTableChangesWhilePacketsFlow() throws Exception {
    ClusterMap known = map();
    ClusterMap unknown = map().without("node-3");
    AtomicBoolean done = new AtomicBoolean();
    Thread changer =
        Thread.ofPlatform()
            .start(
                () -> {
                  for (int i = 0; !done.get(); i++) {
                    worker.join(i % 2 == 0 ? unknown : known, POLICY);
                  }
                });
    int fed = 0;
    long sealed = 0;
    long dropped = 0;
    long giveUp = System.nanoTime() + 10_000_000_000L;
    while ((fed < 2000 || sealed == 0 || dropped == 0) && System.nanoTime() < giveUp) {
      IpAddress from = IpAddress.parse("10.0.2.9");
      IpAddress to = IpAddress.parse("10.0.3.9");
      worker.feed(NumberedPackets.superPacket(from, to, 80, 0, 1));
      worker.feed(NumberedPackets.superPacket(from, to, 80, 1, 1));
      worker.lane.onTun();
      fed += 2;
      long nowSealed = worker.lane.counters().of(LaneCounter.PACKETS_SENT);
      // A batch is judged by one table.
      assertTrue((nowSealed - sealed) % 2 == 0, "half of a batch by each table");
      sealed = nowSealed;
      dropped = worker.drops().getOrDefault(DropReason.NO_OWNER, 0L);
      while (worker.tun.take(buffer) > 0) {}
      other.lane.onUdp(other.socket);
      while (other.tun.take(buffer) > 0) {}
    }
    done.set(true);
    changer.join();
    assertEquals(fed, sealed + dropped);
    assertTrue(sealed > 0 && dropped > 0, sealed + " sealed, " + dropped + " dropped");
  }

  @ParameterizedTest
  @CsvSource({"10.0.2.9, 10.0.3.9, 228", "fd00:0:0:2::9, fd00:0:0:3::9, 248"})
  void whatDoesNotFitTheUnderlayIsAnsweredWithTheSizeThatDoes(
      String source, String destination, int length) throws Exception {
    worker.lane.limit(length);
    send(worker, source, destination, 80, 3);
    assertEquals(3, received(other, 3));
    worker.lane.limit(length - 1);
    send(worker, source, destination, 80, 3);
    assertEquals(Map.of(DropReason.TOO_BIG, 3L), worker.drops());
    assertTrue(worker.tun.take(buffer) > 0, "an ICMP error");
    boolean v4 = IpAddress.parse(source).v4();
    int icmp = VnetHeader.SIZE + (v4 ? 20 : 40);
    assertEquals(v4 ? 3 : 2, buffer.get(ValueLayout.JAVA_BYTE, icmp));
    assertEquals(v4 ? 4 : 0, buffer.get(ValueLayout.JAVA_BYTE, icmp + 1));
    assertEquals(length - 1, buffer.get(ValueLayout.JAVA_BYTE, icmp + 7) & 0xff);
    assertTrue(worker.tun.take(buffer) <= 0, "one answer at a time");
    worker.now += 10_000_000;
    send(worker, source, destination, 80, 1);
    assertTrue(worker.tun.take(buffer) > 0, "and the next after a while");
  }

  @Test
  void whatMayBeFragmentedIsNotAnswered() throws Exception {
    IpAddress to = IpAddress.parse("10.0.3.9");
    MemorySegment packet = NumberedPackets.superPacket(IpAddress.parse("10.0.2.9"), to, 80, 0, 1);
    packet.set(ValueLayout.JAVA_SHORT_UNALIGNED, VnetHeader.SIZE + 6, (short) 0);
    worker.lane.limit(100);
    worker.feed(packet);
    worker.lane.onTun();
    assertEquals(1, received(other, 1));
    assertEquals(Map.of(), worker.drops());
  }
}
