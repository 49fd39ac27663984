// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import java.lang.foreign.MemorySegment;

/**
 * The headers of a received packet, as the coalescer reads them. A flyweight: reused for every
 * packet, and swapped into the flow that it opens.
 */
final class Candidate {
  /** The ways to handle a packet. */
  enum Kind {
    /** Its IP header cannot be read. */
    UNREADABLE,
    /** It goes on alone, after the held packets of its flow. */
    ALONE,
    /** TCP or UDP with payload and nothing unusual, and every checksum is right. */
    MERGEABLE
  }

  final InnerPacket ip = new InnerPacket();
  MemorySegment memory = MemorySegment.NULL;
  long at;

  /** Offset of the transport header, from {@link #at}. */
  int transport;

  /** Bytes of all headers. */
  int headers;

  int payload;
  int sequence;
  int tcpFlags;

  /** Whether {@link #ports} may be called. */
  boolean hasPorts;

  /** Reads the packet of {@code length} bytes. */
  Kind read(MemorySegment newMemory, long newAt, int length, boolean tso, boolean uso) {
    memory = newMemory;
    at = newAt;
    if (!ip.read(memory, at, length)) {
      return Kind.UNREADABLE;
    }
    transport = ip.headerLength();
    hasPorts =
        (ip.protocol() == IpProtocol.TCP || ip.protocol() == IpProtocol.UDP)
            && !ip.fragment()
            && ip.length() >= transport + 4;
    boolean plainHeader = !ip.v4() || transport == IpHeader.V4_MIN;
    boolean usual =
        plainHeader
            && !ip.fragment()
            && ip.length() == length
            && switch (ip.protocol()) {
              case IpProtocol.TCP -> tso && usualTcp();
              case IpProtocol.UDP -> uso && usualUdp();
              default -> false;
            };
    return usual && checksumsAreRight() ? Kind.MERGEABLE : Kind.ALONE;
  }

  private boolean usualTcp() {
    if (ip.length() < transport + TcpHeader.MIN) {
      return false;
    }
    long tcp = at + transport;
    int tcpLength = (NetworkOrder.u8(memory, tcp + TcpHeader.DATA_OFFSET) >>> 4) * 4;
    headers = transport + tcpLength;
    payload = ip.length() - headers;
    sequence = NetworkOrder.i32(memory, tcp + TcpHeader.SEQUENCE);
    tcpFlags = NetworkOrder.u8(memory, tcp + TcpHeader.FLAGS);
    return tcpLength >= TcpHeader.MIN
        && payload > 0
        && (tcpFlags & ~(TcpHeader.PSH | TcpHeader.FIN)) == TcpHeader.ACK;
  }

  private boolean usualUdp() {
    headers = transport + UdpHeader.SIZE;
    payload = ip.length() - headers;
    sequence = 0;
    tcpFlags = 0;
    long udp = at + transport;
    return payload > 0
        && NetworkOrder.u16(memory, udp + UdpHeader.LENGTH) == ip.length() - transport
        && NetworkOrder.u16(memory, udp + UdpHeader.CHECKSUM) != 0;
  }

  private boolean checksumsAreRight() {
    int length = ip.length() - transport;
    long sum = Checksum.sum(memory, at + transport, length) + pseudoHeader(ip.length());
    return Checksum.fold(sum) == Checksum.VALID
        && (!ip.v4() || Checksum.fold(Checksum.sum(memory, at, transport)) == Checksum.VALID);
  }

  /** The pseudo header's sum for a length of {@code length} bytes. */
  long pseudoHeader(int length) {
    return ip.v4()
        ? Checksum.pseudoHeader4(memory, at, ip.protocol(), length - transport)
        : Checksum.pseudoHeader6(memory, at, ip.protocol(), length - transport);
  }

  boolean isTcp() {
    return ip.protocol() == IpProtocol.TCP;
  }

  /** Whether no packet may follow in the same super-packet. */
  boolean ends() {
    return (tcpFlags & (TcpHeader.PSH | TcpHeader.FIN)) != 0;
  }

  /** Source and destination port. */
  int ports() {
    return NetworkOrder.i32(memory, at + transport);
  }
}
