// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.NetworkNamespace;
import java.io.BufferedReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * A TUN device reads and writes packets and super-packets of a real kernel, refuses names that
 * others hold, and is reported as gone once it is deleted.
 */
@Tag("integration")
class TunDeviceTest {
  private static final int GSO_TCPV4 = 1;
  private static final int GSO_UDP_L4 = 5;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate(1 << 17, 64);
  private final MemorySegment iovecs = arena.allocate(16 * Wire.IOVEC, 8);
  private final List<AutoCloseable> open = new ArrayList<>();
  private NetworkNamespace namespace;

  @BeforeEach
  void enterNamespace() throws Exception {
    namespace = NetworkNamespace.create();
  }

  @AfterEach
  void leaveNamespace() throws Exception {
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
    namespace.close();
    arena.close();
  }

  private TunDevice open(String name, int queues) throws Exception {
    TunDevice device = namespace.call(() -> TunDevice.open(name, queues, OffloadModes.AUTO));
    open.add(device);
    return device;
  }

  private TunDevice openWithAddress() throws Exception {
    TunDevice device = open("cvt0", 1);
    device.up();
    namespace.exec("ip", "addr", "add", "10.9.0.1/24", "dev", "cvt0");
    return device;
  }

  /**
   * Reads until a packet of that IPv4 protocol and, unless it is negative, of that GSO type comes.
   */
  private int readPacket(TunPort port, int protocol, int gsoType) throws Exception {
    for (int i = 0; i < 3000; i++) {
      int bytes = port.read(buffer, 0, 1 << 17);
      if (bytes == 0) {
        Thread.sleep(1);
      } else if ((u8(10) >>> 4) == 4 && u8(19) == protocol && (gsoType < 0 || u8(1) == gsoType)) {
        return bytes;
      }
    }
    throw new AssertionError("no such packet");
  }

  private int u8(int at) {
    return buffer.get(ValueLayout.JAVA_BYTE, at) & 0xff;
  }

  private int u16(int at) {
    return buffer.get(Wire.NET_SHORT, at) & 0xffff;
  }

  private boolean write(TunPort port, int length) throws Exception {
    // The header and the packet in a vector each, as the lane gathers them.
    iovecs.set(Wire.LONG, 0, buffer.address());
    iovecs.set(Wire.LONG, 8, TunPort.HEADER_BYTES);
    iovecs.set(Wire.LONG, 16, buffer.address() + TunPort.HEADER_BYTES);
    iovecs.set(Wire.LONG, 24, length - TunPort.HEADER_BYTES);
    return port.write(iovecs, 2);
  }

  @Test
  void aKernelOfTodayAgreesToEveryOffload() throws Exception {
    TunDevice device = open("cvt0", 1);
    assertEquals(new TunOffloads(true, true, true), device.offloads());
    assertEquals("cvt0", device.name());
    assertEquals(1, device.ports().size());
    assertTrue(namespace.exec("ip", "-j", "link", "show", "cvt0").contains("\"cvt0\""));
  }

  @Test
  void theMtuIsReadAndSetFromAnyThread() throws Exception {
    TunDevice device = open("cvt0", 1);
    assertEquals(1500, device.locate().link().mtu());
    device.mtu(1380);
    assertEquals(1380, device.locate().link().mtu());
    assertTrue(namespace.exec("ip", "-j", "link", "show", "cvt0").contains("\"mtu\":1380"));
  }

  @Test
  void nothingToReadIsZero() throws Exception {
    assertEquals(0, open("cvt0", 1).ports().getFirst().read(buffer, 0, 2000));
  }

  @Test
  void readingAndWritingAllocateNothing() throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    TunPort port = openWithAddress().ports().getFirst();
    long allocated = 0;
    for (int round = 0; round < 2; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 20_000; i++) {
        buffer.set(ValueLayout.JAVA_BYTE, 10, (byte) 0x45);
        write(port, 100);
        port.read(buffer, 0, 2000);
      }
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
    }
    assertTrue(allocated < 20_000, allocated + " bytes in 20,000 rounds");
  }

  @Test
  void aPingIsReadAndItsReplyIsTaken() throws Exception {
    TunPort port = openWithAddress().ports().getFirst();
    Process ping = namespace.start("ping", "-c", "1", "-W", "5", "10.9.0.2");
    int bytes = readPacket(port, 1, -1);
    // Echo request to echo reply: the types differ by 8, so does the checksum's upper byte.
    int source = buffer.get(Wire.INT, 22);
    buffer.set(Wire.INT, 22, buffer.get(Wire.INT, 26));
    buffer.set(Wire.INT, 26, source);
    buffer.set(ValueLayout.JAVA_BYTE, 30, (byte) 0);
    int sum = u16(32) + 0x0800;
    buffer.set(Wire.NET_SHORT, 32, (short) ((sum & 0xffff) + (sum >>> 16)));
    assertTrue(write(port, bytes));
    assertEquals(0, ping.waitFor());
  }

  @Test
  void aUdpRunIsReadAsOneSuperPacket() throws Exception {
    TunPort port = openWithAddress().ports().getFirst();
    UdpPort sender = namespace.call(() -> UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT));
    open.add(sender);
    SendBatch batch = new SendBatch(IpFamily.V4, 1, arena);
    Endpoint to = Endpoint.of(IpAddress.parse("10.9.0.2"), 7);
    batch.add(arena.allocate(20_500), 0, 20_500, 1000, to, 0);
    assertEquals(21, sender.send(batch, train -> {}, true));
    int bytes = readPacket(port, 17, GSO_UDP_L4);
    assertEquals(TunPort.HEADER_BYTES + 20 + 8 + 20_500, bytes);
    assertEquals(1000, buffer.get(Wire.SHORT, 4));
  }

  @Test
  void aTcpSenderIsReadAsSuperPackets() throws Exception {
    TunPort port = openWithAddress().ports().getFirst();
    String client =
        """
        import socket
        s = socket.create_connection(('10.9.0.2', 9))
        s.sendall(b'x' * 60000)
        """;
    Process process = namespace.start("python3", "-c", client);
    try {
      readPacket(port, 6, -1);
      answerSyn(port);
      int bytes = readPacket(port, 6, GSO_TCPV4);
      // How many segments the kernel puts into one depends on how busy the machine is.
      assertTrue(bytes > TunPort.HEADER_BYTES + 20 + 20 + 1460, bytes + " bytes");
      assertEquals(1460, buffer.get(Wire.SHORT, 4));
    } finally {
      process.destroy();
    }
  }

  /** Turns the SYN in the buffer into a SYN-ACK of 20 + 24 bytes with an MSS of 1460. */
  private void answerSyn(TunPort port) throws Exception {
    int source = buffer.get(Wire.INT, 22);
    buffer.set(Wire.INT, 22, buffer.get(Wire.INT, 26));
    buffer.set(Wire.INT, 26, source);
    int sourcePort = u16(30);
    buffer.set(Wire.NET_SHORT, 30, (short) u16(32));
    buffer.set(Wire.NET_SHORT, 32, (short) sourcePort);
    buffer.set(Wire.NET_INT, 38, buffer.get(Wire.NET_INT, 34) + 1);
    buffer.set(Wire.NET_INT, 34, 1);
    buffer.set(Wire.NET_SHORT, 42, (short) 0x6012);
    buffer.set(Wire.NET_SHORT, 44, (short) 65_535);
    buffer.set(Wire.NET_INT, 50, 0x0204_05b4);
    buffer.set(Wire.NET_SHORT, 12, (short) 44);
    buffer.asSlice(0, 10).fill((byte) 0);
    // VIRTIO_NET_HDR_F_NEEDS_CSUM: the kernel finishes the TCP checksum from the pseudo-header's.
    buffer.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    buffer.set(Wire.SHORT, 6, (short) 20);
    buffer.set(Wire.SHORT, 8, (short) 16);
    buffer.set(Wire.NET_SHORT, 46, (short) sum(22, 30, 6 + 24));
    buffer.set(Wire.NET_SHORT, 20, (short) 0);
    buffer.set(Wire.NET_SHORT, 20, (short) ~sum(10, 30, 0));
    assertTrue(write(port, 10 + 44));
  }

  private int sum(int from, int to, int start) {
    int sum = start;
    for (int at = from; at < to; at += 2) {
      sum += u16(at);
    }
    sum = (sum & 0xffff) + (sum >>> 16);
    return (sum & 0xffff) + (sum >>> 16);
  }

  @Test
  void aPacketThatTheKernelDoesNotBelieveIsRefusedAndTheNextOneGoes() throws Exception {
    TunPort port = openWithAddress().ports().getFirst();
    buffer.fill((byte) 0);
    buffer.set(ValueLayout.JAVA_BYTE, 1, (byte) 0x7f);
    buffer.set(ValueLayout.JAVA_BYTE, 10, (byte) 0x45);
    assertFalse(write(port, 100));
    assertEquals(Errno.EINVAL, port.lastErrno());
    buffer.set(ValueLayout.JAVA_BYTE, 1, (byte) 0);
    assertTrue(write(port, 100));
  }

  @Test
  void aDownInterfaceRefusesPacketsButIsNotGone() throws Exception {
    TunPort port = open("cvt0", 1).ports().getFirst();
    buffer.fill((byte) 0);
    buffer.set(ValueLayout.JAVA_BYTE, 10, (byte) 0x45);
    assertFalse(write(port, 100));
    assertEquals(Errno.EIO, port.lastErrno());
    assertEquals(0, port.read(buffer, 0, 2000));
  }

  @Test
  void aDeletedInterfaceIsGone() throws Exception {
    TunPort port = openWithAddress().ports().getFirst();
    namespace.exec("ip", "link", "del", "cvt0");
    assertThrows(DeviceGoneException.class, () -> port.read(buffer, 0, 2000));
    buffer.set(ValueLayout.JAVA_BYTE, 10, (byte) 0x45);
    assertThrows(DeviceGoneException.class, () -> write(port, 100));
  }

  @Test
  void aDeviceThatIsServedIsReportedAsBusy() throws Exception {
    open("cvt0", 1);
    open("cvt1", 2);
    for (String name : List.of("cvt0", "cvt1")) {
      for (int queues = 1; queues <= 2; queues++) {
        int wanted = queues;
        ErrnoException e =
            assertThrows(
                ErrnoException.class,
                () -> namespace.call(() -> TunDevice.open(name, wanted, OffloadModes.AUTO)));
        assertEquals(Errno.EBUSY, e.errno(), name + " with " + queues);
        assertTrue(e.toString().contains(name + ": "), e::toString);
      }
    }
  }

  @Test
  void aDeviceThatSomebodyMadePersistentIsAttachedTo() throws Exception {
    namespace.exec("ip", "tuntap", "add", "cvt0", "mode", "tun");
    namespace.exec("ip", "tuntap", "add", "cvt1", "mode", "tun", "multi_queue");
    assertEquals(1, open("cvt0", 2).ports().size());
    assertEquals(2, open("cvt1", 2).ports().size());
  }

  /** Attaches as nobody: the errno, and with "hold" it stays attached until it is ended. */
  private static final String INTRUDER =
      """
      import fcntl, os, struct, sys
      tun = os.open('/dev/net/tun', os.O_RDWR)
      os.setgroups([])
      os.setgid(65534)
      os.setuid(65534)
      TUN_NO_PI_VNET_HDR_MULTI_QUEUE = 0x5101
      try:
          fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', sys.argv[1].encode(),
                      TUN_NO_PI_VNET_HDR_MULTI_QUEUE))
          print(0, flush=True)
      except OSError as e:
          print(e.errno, flush=True)
      if sys.argv[2:] == ['hold']:
          TUNSETCARRIER = 0x400454e2
          fcntl.ioctl(tun, TUNSETCARRIER, struct.pack('i', 0))
          print('held', flush=True)
          sys.stdin.read()
      """;

  private int joinAsNobody(String device) throws Exception {
    return Integer.parseInt(namespace.exec("python3", "-c", INTRUDER, device).strip());
  }

  @Test
  void noOtherUserJoinsTheQueues() throws Exception {
    namespace.exec("ip", "tuntap", "add", "made", "mode", "tun", "multi_queue");
    assertEquals(0, joinAsNobody("made"), "a device without an owner is anybody's");
    open("made", 2);
    open("cvt0", 2);
    for (String device : List.of("made", "cvt0")) {
      assertEquals(Errno.EPERM, joinAsNobody(device), device);
    }
  }

  @Test
  void aDeviceWhoseQueuesOthersHoldIsRefused() throws Exception {
    namespace.exec("ip", "tuntap", "add", "made", "mode", "tun", "multi_queue");
    Process intruder = namespace.start("python3", "-c", INTRUDER, "made", "hold");
    try (BufferedReader said = intruder.inputReader()) {
      assertEquals("0", said.readLine());
      assertEquals("held", said.readLine());
      // It looks as if nobody served it.
      assertTrue(namespace.exec("ip", "link", "show", "made").contains("made"));
      ErrnoException refused =
          assertThrows(
              ErrnoException.class,
              () -> namespace.call(() -> TunDevice.open("made", 2, OffloadModes.AUTO)));
      assertEquals(Errno.EBUSY, refused.errno());
      assertTrue(
          String.valueOf(refused.getMessage()).contains("held by others"), refused::toString);
    } finally {
      intruder.destroy();
      intruder.waitFor();
    }
    assertEquals(2, open("made", 2).ports().size());
  }

  @Test
  void aQueueHoldsABurstAndADeviceOfOthersKeepsItsLength() throws Exception {
    namespace.exec("ip", "tuntap", "add", "made", "mode", "tun");
    namespace.exec("ip", "link", "set", "made", "txqueuelen", "77");
    open("made", 1);
    assertTrue(namespace.exec("ip", "-j", "link", "show", "made").contains("\"txqlen\":77"));
    TunDevice device = openWithAddress();
    Endpoint to = Endpoint.of(IpAddress.parse("10.9.0.2"), 7);
    UdpPort sender = namespace.call(() -> UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT));
    open.add(sender);
    for (int i = 0; i < 4000; i++) {
      assertEquals(0, sender.sendOne(buffer, 0, 100, to, 0));
    }
    for (int i = 0; i < 4000; i++) {
      assertTrue(readPacket(device.ports().getFirst(), 17, -1) > 0);
    }
  }

  @Test
  void severalQueuesShareTheFlows() throws Exception {
    TunDevice device = open("cvt0", 2);
    device.up();
    namespace.exec("ip", "addr", "add", "10.9.0.1/24", "dev", "cvt0");
    Endpoint to = Endpoint.of(IpAddress.parse("10.9.0.2"), 7);
    for (int i = 0; i < 64; i++) {
      UdpPort sender =
          namespace.call(() -> UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT));
      open.add(sender);
      assertEquals(0, sender.sendOne(buffer, 0, 100, to, 0));
    }
    for (TunPort port : device.ports()) {
      assertTrue(readPacket(port, 17, -1) > 0);
    }
  }

  @Test
  void anInterfaceOfAnotherKindIsRefused() throws Exception {
    namespace.exec("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
    assertEquals(Errno.EINVAL, refusal("veth0"));
    assertEquals(Errno.EBUSY, refusal("lo"));
  }

  private int refusal(String name) {
    Executable opening = () -> namespace.call(() -> TunDevice.open(name, 1, OffloadModes.AUTO));
    return assertThrows(ErrnoException.class, opening).errno();
  }

  @Test
  void closingRemovesTheInterface() throws Exception {
    TunDevice device = open("cvt0", 2);
    device.close();
    device.close();
    assertFalse(namespace.exec("ip", "-j", "link").contains("cvt0"));
  }
}
