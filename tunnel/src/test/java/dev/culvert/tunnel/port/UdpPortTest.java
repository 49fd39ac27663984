// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Trains pass real sockets with and without segmentation offload, and a train that the kernel
 * refuses takes no other with it.
 */
@Tag("integration")
class UdpPortTest extends SocketTest {
  UdpPortTest() {
    super(8);
  }

  private UdpPort bind(IpFamily family, UdpOptions options) throws Exception {
    UdpPort port = namespace.call(() -> UdpPort.bind(family, 0, false, options));
    open.add(port);
    return port;
  }

  private UdpPort bind(IpFamily family) throws Exception {
    return bind(family, UdpOptions.DEFAULT);
  }

  private static Endpoint loopback(UdpPort port) {
    return loopback(port.family(), port.port());
  }

  private SendBatch batch(IpFamily family) {
    return new SendBatch(family, 16, arena);
  }

  private int receive(UdpPort port) throws Exception {
    for (int i = 0; i < 2000; i++) {
      int messages = port.receive(received);
      if (messages > 0) {
        return messages;
      }
      Thread.sleep(1);
    }
    throw new AssertionError("nothing received");
  }

  private void assertSameBytes(long sentOffset, int message, int length) {
    assertEquals(length, received.length(message));
    long mismatch =
        MemorySegment.mismatch(
            memory,
            sentOffset,
            sentOffset + length,
            received.memory(),
            received.offset(message),
            received.offset(message) + length);
    assertEquals(-1, mismatch);
  }

  @ParameterizedTest
  @EnumSource
  void aTrainArrivesAsOneRunWithItsSegmentSize(IpFamily family) throws Exception {
    UdpPort from = bind(family);
    UdpPort to = bind(family);
    assertTrue(from.segmentation() && to.coalescing(), "this kernel has both offloads");
    SendBatch batch = batch(family);
    assertTrue(batch.add(memory, 100, 40 * 1400 + 333, 1400, loopback(to), 2));
    assertEquals(41, from.send(batch, NO_REFUSAL, true));
    assertTrue(batch.sent(0));
    assertEquals(1, receive(to));
    assertSameBytes(100, 0, 40 * 1400 + 333);
    assertEquals(1400, received.segmentSize(0));
    assertEquals(2, received.ecn(0));
    Endpoint sender = received.source(0).endpoint();
    assertEquals(loopback(from), sender.withoutSource());
    assertEquals(sender.address(), sender.source());
    assertEquals(1, sender.sourceInterface());
  }

  @ParameterizedTest
  @EnumSource
  void aSingleDatagramIsItsOwnSegment(IpFamily family) throws Exception {
    UdpPort from = bind(family);
    UdpPort to = bind(family);
    assertEquals(0, from.sendOne(memory, 5, 148, loopback(to), 0));
    assertEquals(1, receive(to));
    assertSameBytes(5, 0, 148);
    assertEquals(148, received.segmentSize(0));
    assertEquals(0, received.ecn(0));
    assertEquals(0, to.receive(received));
  }

  @Test
  void theLargestDatagramArrives() throws Exception {
    UdpPort from = bind(IpFamily.V4);
    UdpPort to = bind(IpFamily.V4);
    assertEquals(0, from.sendOne(memory, 0, 65_507, loopback(to), 0));
    receive(to);
    assertSameBytes(0, 0, 65_507);
    assertTrue(received.usable(0));
  }

  @Test
  void trainsThatTheKernelRefusesTakeNoOthersWithThem() throws Exception {
    UdpPort from = bind(IpFamily.V4);
    UdpPort to = bind(IpFamily.V4);
    SendBatch batch = batch(IpFamily.V4);
    Endpoint nowhere = Endpoint.of(IpAddress.parse("192.0.2.1"), 9);
    batch.add(memory, 0, 65_508, 65_508, loopback(to), 0);
    batch.add(memory, 1000, 500, 500, loopback(to), 0);
    batch.add(memory, 0, 5000, 1000, nowhere, 0);
    batch.add(memory, 2000, 600, 600, loopback(to), 0);
    batch.add(memory, 0, 100, 100, nowhere, 0);
    assertEquals(2, from.send(batch, NO_REFUSAL, true));
    assertEquals(Errno.EMSGSIZE, batch.errno(0));
    assertEquals(1, batch.failedPackets(0));
    assertTrue(batch.sent(1));
    assertEquals(Errno.ENETUNREACH, batch.errno(2));
    assertEquals(5, batch.failedPackets(2));
    assertTrue(batch.sent(3));
    assertFalse(batch.sent(4));
    assertEquals(2, receive(to));
    assertSameBytes(1000, 0, 500);
    assertSameBytes(2000, 1, 600);
  }

  @Test
  void whatTheFirewallDropsIsCountedAndTheNextTrainGoes() throws Exception {
    UdpPort from = bind(IpFamily.V4);
    UdpPort to = bind(IpFamily.V4);
    UdpPort walled = bind(IpFamily.V4);
    namespace.exec(
        "nft",
        "add table inet t; add chain inet t o { type filter hook output priority 0; };"
            + "add rule inet t o udp dport %d drop".formatted(walled.port()));
    SendBatch batch = batch(IpFamily.V4);
    batch.add(memory, 0, 3000, 1000, loopback(walled), 0);
    batch.add(memory, 0, 100, 100, loopback(to), 0);
    assertEquals(1, from.send(batch, NO_REFUSAL, true));
    assertEquals(Errno.EPERM, batch.errno(0));
    assertEquals(3, batch.failedPackets(0));
    assertTrue(batch.sent(1));
  }

  @Test
  void aRunThatTheKernelDoesNotSegmentGoesPacketByPacket() throws Exception {
    namespace.exec("ip", "link", "set", "lo", "mtu", "1280");
    UdpPort from = bind(IpFamily.V4);
    UdpPort to = bind(IpFamily.V4);
    SendBatch batch = batch(IpFamily.V4);
    // Larger than the MTU: EINVAL or EMSGSIZE as a run, fragmented one by one.
    batch.add(memory, 0, 4500, 2000, loopback(to), 0);
    assertEquals(3, from.send(batch, NO_REFUSAL, true));
    assertTrue(from.segmentation());
    int messages = receive(to);
    for (int tries = 0; messages < 3 && tries < 100; tries++) {
      messages += receive(to);
    }
    assertEquals(3, messages);
  }

  @Test
  void withoutSegmentationEveryPacketStillGoes() throws Exception {
    UdpPort from = bind(IpFamily.V4, new UdpOptions(1 << 20, 0, false, false));
    UdpPort to = bind(IpFamily.V4, new UdpOptions(1 << 20, 0, false, false));
    SendBatch batch = batch(IpFamily.V4);
    batch.add(memory, 0, 100, 100, loopback(to), 0);
    batch.add(memory, 200, 2500, 1000, loopback(to), 1);
    batch.add(memory, 3000, 70, 70, loopback(to), 0);
    assertEquals(5, from.send(batch, NO_REFUSAL, true));
    assertEquals(5, receive(to));
    assertSameBytes(0, 0, 100);
    assertSameBytes(200, 1, 1000);
    assertSameBytes(2200, 3, 500);
    assertEquals(1, received.ecn(3));
    assertSameBytes(3000, 4, 70);
  }

  @ParameterizedTest
  @EnumSource
  void theStickySourceIsUsed(IpFamily family) throws Exception {
    boolean v4 = family == IpFamily.V4;
    String second = v4 ? "127.0.0.7" : "fd00::7";
    if (v4) {
      namespace.exec("ip", "addr", "add", second + "/8", "dev", "lo");
    } else {
      namespace.exec("ip", "addr", "add", second + "/128", "dev", "lo", "nodad");
    }
    UdpPort from = bind(family);
    UdpPort to = bind(family);
    Endpoint sticky = sticky(loopback(to), second, 1);
    SendBatch batch = batch(family);
    batch.add(memory, 0, 3000, 1000, sticky, 0);
    assertEquals(3, from.send(batch, NO_REFUSAL, true));
    receive(to);
    assertEquals(IpAddress.parse(second), received.source(0).endpoint().address());
  }

  private static Endpoint sticky(Endpoint to, String source, int sourceInterface) {
    return new Endpoint(
        to.address(), to.port(), to.scope(), IpAddress.parse(source), sourceInterface);
  }

  @ParameterizedTest
  @EnumSource
  void aRefusedSourceIsReportedAndTheTrainGoesWithoutIt(IpFamily family) throws Exception {
    String strange = family == IpFamily.V4 ? "203.0.113.5" : "2001:db8::5";
    UdpPort from = bind(family);
    UdpPort to = bind(family);
    SendBatch batch = batch(family);
    batch.add(memory, 0, 500, 500, loopback(to), 0);
    batch.add(memory, 1000, 3000, 1000, sticky(loopback(to), strange, 1), 0);
    batch.add(
        memory, 5000, 700, 700, sticky(loopback(to), loopback(to).address().toString(), 999), 0);
    List<Integer> refused = new ArrayList<>();
    assertEquals(5, from.send(batch, refused::add, true));
    assertEquals(List.of(1), refused, "an interface binds no packet to it");
    assertEquals(3, receive(to));
    assertSameBytes(1000, 1, 3000);
    assertSameBytes(5000, 2, 700);
    assertEquals(0, from.sendOne(memory, 0, 100, sticky(loopback(to), strange, 1), 0));
  }

  @Test
  void aBurstAboveTheSocketsBufferWaitsForRoom() throws Exception {
    UdpPort from = bind(IpFamily.V4, new UdpOptions(40_000, 0, true, true));
    UdpPort to = bind(IpFamily.V4);
    SendBatch batch = batch(IpFamily.V4);
    int packets = 0;
    while (batch.add(memory, 0, 60_000, 1000, loopback(to), 0)) {
      packets += 60;
    }
    assertEquals(packets, from.send(batch, NO_REFUSAL, true));
  }

  @Test
  void whatAForgerSendsFromPortZeroIsNotUsable() throws Exception {
    UdpPort to = bind(IpFamily.V4);
    String forge =
        "import socket,struct\n"
            + "s=socket.socket(socket.AF_INET,socket.SOCK_RAW,17)\n"
            + "s.sendto(struct.pack('>HHHH',0,%d,12,0)+b'abcd',('127.0.0.1',0))"
                .formatted(to.port());
    namespace.exec("python3", "-c", forge);
    receive(to);
    assertEquals(4, received.length(0));
    assertFalse(received.usable(0));
    assertThrows(IllegalStateException.class, () -> received.source(0));
  }

  @Test
  void theMarkCanChangeAtRunTime() throws Exception {
    UdpPort port = bind(IpFamily.V4, UdpOptions.DEFAULT.withMark(51));
    SocketOptions options = new SocketOptions(port.fd());
    assertEquals(51, options.get(Wire.SOL_SOCKET, SocketOptions.SO_MARK));
    port.mark(52);
    assertEquals(52, options.get(Wire.SOL_SOCKET, SocketOptions.SO_MARK));
  }

  @Test
  void aClosedPortSendsNothing() throws Exception {
    UdpPort port = bind(IpFamily.V4);
    port.close();
    ErrnoException e = assertThrows(ErrnoException.class, () -> port.mark(1));
    assertEquals(Errno.EBADF, e.errno());
    assertEquals(Errno.EBADF, port.sendOne(memory, 0, 10, loopback(port), 0));
  }

  @Test
  void aPortZeroSetHasOnePortInBothFamilies() throws Exception {
    UdpSockets sockets = namespace.call(() -> UdpSockets.open(2, 0, UdpOptions.DEFAULT));
    open.add(sockets);
    assertTrue(sockets.port() > 0);
    for (int lane = 0; lane < 2; lane++) {
      assertEquals(sockets.port(), present(sockets.sockets().of(lane, IpFamily.V4)).port());
      assertEquals(sockets.port(), present(sockets.sockets().of(lane, IpFamily.V6)).port());
    }
  }

  private static UdpPort present(@Nullable UdpPort port) {
    return Objects.requireNonNull(port);
  }

  @Test
  void lanesShareTheFlowsOfOnePort() throws Exception {
    UdpSockets sockets = namespace.call(() -> UdpSockets.open(2, 0, UdpOptions.DEFAULT));
    open.add(sockets);
    UdpPort first = present(sockets.sockets().of(0, IpFamily.V4));
    UdpPort second = present(sockets.sockets().of(1, IpFamily.V4));
    for (int i = 0; i < 64; i++) {
      assertEquals(0, bind(IpFamily.V4).sendOne(memory, 0, 100, loopback(first), 0));
    }
    int onFirst = drain(first);
    int onSecond = drain(second);
    assertEquals(64, onFirst + onSecond);
    assertTrue(onFirst > 0 && onSecond > 0, onFirst + " and " + onSecond);
  }

  private int drain(UdpPort port) throws Exception {
    int all = 0;
    for (int messages = port.receive(received); messages > 0; messages = port.receive(received)) {
      all += messages;
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource
  void aPortThatAnotherProcessWouldShareIsReportedAsTaken(IpFamily family) throws Exception {
    UdpPort other = namespace.call(() -> UdpPort.bind(family, 0, true, UdpOptions.DEFAULT));
    open.add(other);
    ErrnoException e =
        assertThrows(
            ErrnoException.class,
            () -> namespace.call(() -> UdpSockets.open(2, other.port(), UdpOptions.DEFAULT)));
    assertEquals(Errno.EADDRINUSE, e.errno());
    assertTrue(e.toString().contains("port " + other.port() + ": "), e::toString);
  }

  @Test
  void aMachineWithIpv6SwitchedOffStillGetsItsSockets() throws Exception {
    namespace.exec("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1");
    UdpSockets sockets = namespace.call(() -> UdpSockets.open(1, 0, UdpOptions.DEFAULT));
    open.add(sockets);
    assertNotNull(sockets.sockets().of(0, IpFamily.V4));
  }

  @Test
  void sendingAndReceivingAllocateNothing() throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    assumeTrue(threads.isThreadAllocatedMemorySupported());
    UdpPort from = bind(IpFamily.V4);
    UdpPort to = bind(IpFamily.V4);
    SendBatch batch = batch(IpFamily.V4);
    Endpoint endpoint = sticky(loopback(to), "127.0.0.1", 1);
    exchange(from, to, batch, endpoint, 20_000);
    long before = threads.getCurrentThreadAllocatedBytes();
    exchange(from, to, batch, endpoint, 20_000);
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(allocated < 20_000, allocated + " bytes in 20,000 rounds");
  }

  private void exchange(UdpPort from, UdpPort to, SendBatch batch, Endpoint endpoint, int rounds)
      throws Exception {
    for (int i = 0; i < rounds; i++) {
      batch.clear();
      batch.add(memory, 0, 3000, 1000, endpoint, 1);
      batch.add(memory, 0, 500, 500, endpoint, 0);
      from.send(batch, NO_REFUSAL, true);
      to.receive(received);
      for (int m = 0; m < received.count(); m++) {
        assertEquals(from.port(), received.source(m).endpoint().port());
      }
      to.receive(received);
    }
  }
}
