// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.port.TunPort;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Packets as a kernel hands them to a TUN device: a bulk of TCP as super-packets, whole segments,
 * acknowledgements, UDP of several sizes, and pings. Some may be fragmented and others not, since
 * the JVM leaves out of its code whatever it has not seen.
 */
final class RehearsalPackets {
  private static final ValueLayout.OfShort NET_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt NET_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong IOVEC = ValueLayout.JAVA_LONG;

  private static final int IP = 20;
  private static final int TCP = 20;
  private static final int UDP = 8;
  private static final int TCP_CHECKSUM = 16;
  private static final int UDP_CHECKSUM = 6;
  private static final int SEGMENT = 1340;
  private static final int[] SUPER_PACKETS = {44 * SEGMENT, 17 * SEGMENT, 3 * SEGMENT + 100};
  private static final int[] TCP_PAYLOADS = {SEGMENT, 0, 0, 512};
  private static final int[] UDP_PAYLOADS = {24, 120, 1340};
  private static final int PING_PAYLOAD = 56;
  private static final byte ECHO_REQUEST = 8;

  private final IpAddress from;
  private final IpAddress to;
  private final Arena arena;
  private final List<MemorySegment> iovecs = new ArrayList<>();

  /**
   * Packets from one IPv4 address to another.
   *
   * @param arena holds them
   */
  RehearsalPackets(IpAddress from, IpAddress to, Arena arena) {
    this.from = from;
    this.to = to;
    this.arena = arena;
    for (int payload : SUPER_PACKETS) {
      add(IpProtocol.TCP, payload, true);
    }
    for (int payload : TCP_PAYLOADS) {
      add(IpProtocol.TCP, payload, false);
    }
    for (int payload : UDP_PAYLOADS) {
      add(IpProtocol.UDP, payload, false);
    }
    add(IpProtocol.ICMP, PING_PAYLOAD, false);
  }

  private void add(int protocol, int payload, boolean segmented) {
    int transport = protocol == IpProtocol.TCP ? TCP : UDP;
    int length = IP + transport + payload;
    boolean checked = protocol == IpProtocol.ICMP;
    MemorySegment packet = arena.allocate(VnetHeader.SIZE + length, 8);
    VnetHeader.put(
        packet,
        0,
        checked ? 0 : VnetHeader.NEEDS_CSUM,
        segmented ? VnetHeader.GSO_TCPV4 : VnetHeader.GSO_NONE,
        checked ? 0 : IP + transport,
        segmented ? SEGMENT : 0,
        checked ? 0 : IP,
        checked ? 0 : protocol == IpProtocol.TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
    putIp(packet.asSlice(VnetHeader.SIZE), protocol, length);
    if (checked) {
      packet.set(JAVA_BYTE, VnetHeader.SIZE + IP, ECHO_REQUEST);
    } else {
      putTransport(packet.asSlice(VnetHeader.SIZE), protocol, length);
    }
    MemorySegment iovec = arena.allocate(16, 8);
    iovec.set(IOVEC, 0, packet.address());
    iovec.set(IOVEC, 8, packet.byteSize());
    iovecs.add(iovec);
  }

  private void putIp(MemorySegment packet, int protocol, int length) {
    packet.set(JAVA_BYTE, 0, (byte) 0x45);
    packet.set(NET_SHORT, 2, (short) length);
    packet.set(NET_SHORT, IpHeader.V4_FRAGMENT, (short) fragmentField());
    packet.set(JAVA_BYTE, 8, (byte) 64);
    packet.set(JAVA_BYTE, 9, (byte) protocol);
    packet.set(NET_INT, 12, (int) from.low());
    packet.set(NET_INT, 16, (int) to.low());
    packet.set(NET_SHORT, 10, (short) ~sum(packet, IP));
  }

  /** Every second packet must not be fragmented. */
  private int fragmentField() {
    return iovecs.size() % 2 == 0 ? IpHeader.V4_DONT_FRAGMENT : 0;
  }

  private static void putTransport(MemorySegment packet, int protocol, int length) {
    packet.set(NET_SHORT, IP, (short) 4242);
    packet.set(NET_SHORT, IP + 2, (short) 5201);
    if (protocol == IpProtocol.TCP) {
      packet.set(JAVA_BYTE, IP + 12, (byte) ((TCP / 4) << 4));
      packet.set(JAVA_BYTE, IP + 13, (byte) 0x10); // ACK
      packet.set(NET_SHORT, IP + 14, (short) 0xffff);
    } else {
      packet.set(NET_SHORT, IP + 4, (short) (length - IP));
    }
  }

  private static int sum(MemorySegment header, int length) {
    int sum = 0;
    for (int at = 0; at < length; at += 2) {
      sum += header.get(NET_SHORT, at) & 0xffff;
    }
    return (sum & 0xffff) + (sum >>> 16);
  }

  /** Writes all packets once; those that find no room are left out. */
  void send(TunPort kernel) throws ErrnoException {
    for (MemorySegment iovec : iovecs) {
      kernel.write(iovec, 1);
    }
  }
}
