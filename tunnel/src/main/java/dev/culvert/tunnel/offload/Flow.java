// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;

/**
 * Neighbouring packets of one TCP or UDP flow, held until they go to the TUN device as one. Their
 * payloads are not copied; iovecs in native memory point to them.
 */
final class Flow {
  /** The most packets in a super-packet. */
  static final int MAX_PACKETS = 64;

  /** The most bytes of a super-packet, headers included. */
  private static final int MAX_BYTES = 65_535;

  private static final long IOVEC = 16;
  private static final long IOVEC_LENGTH = 8;
  private static final long MAX_HEADERS = IpHeader.V6 + 60;

  /** The first packet, whose headers are those of the super-packet. */
  private Candidate first = new Candidate();

  /** One iovec for all headers, then one per payload. */
  private final MemorySegment iovecs;

  /** The virtio-net header, and the headers of the super-packet behind it. */
  private final MemorySegment scratch;

  private int ports;
  private int packets;
  private int payload;
  private int lastFlags;

  Flow(SegmentAllocator allocator) {
    iovecs = allocator.allocate(IOVEC * (1 + MAX_PACKETS), IOVEC);
    scratch = allocator.allocate(VnetHeader.SIZE + MAX_HEADERS, 8);
  }

  boolean isOpen() {
    return packets > 0;
  }

  /** Whether packets are held from the source to the destination of {@code candidate}. */
  boolean isBetweenHostsOf(Candidate candidate) {
    return isOpen() && first.ip.sameHosts(candidate.ip);
  }

  /** Whether packets are held of the flow that {@code candidate}, which has ports, belongs to. */
  boolean isFlowOf(Candidate candidate) {
    return isOpen()
        && ports == candidate.ports()
        && first.ip.protocol() == candidate.ip.protocol()
        && first.ip.sameHosts(candidate.ip);
  }

  /**
   * Opens the flow with a mergeable packet and keeps that object; returns another object to read
   * the next packet into.
   */
  Candidate open(Candidate candidate) {
    Candidate spare = first;
    first = candidate;
    ports = candidate.ports();
    packets = 0;
    payload = 0;
    append(candidate);
    return spare;
  }

  /**
   * Whether splitting the super-packet would give back this mergeable packet of the flow, were it
   * appended.
   */
  boolean accepts(Candidate next) {
    return next.payload <= first.payload
        && first.headers + payload + next.payload <= MAX_BYTES
        && sameIpHeader(next)
        && (!first.isTcp() || sameTcpHeader(next));
  }

  private boolean sameIpHeader(Candidate next) {
    MemorySegment a = first.memory;
    MemorySegment b = next.memory;
    if (!first.ip.v4()) {
      return NetworkOrder.i32(a, first.at) == NetworkOrder.i32(b, next.at)
          && NetworkOrder.u8(a, first.at + IpHeader.V6_HOP_LIMIT)
              == NetworkOrder.u8(b, next.at + IpHeader.V6_HOP_LIMIT);
    }
    int fragment = NetworkOrder.u16(a, first.at + IpHeader.V4_FRAGMENT);
    int expectedId = NetworkOrder.u16(a, first.at + IpHeader.V4_ID) + packets & 0xffff;
    // The id of packets that are never fragmented has no meaning (RFC 6864).
    boolean idFits =
        (fragment & IpHeader.V4_DONT_FRAGMENT) != 0
            || NetworkOrder.u16(b, next.at + IpHeader.V4_ID) == expectedId;
    return idFits
        && NetworkOrder.u16(a, first.at) == NetworkOrder.u16(b, next.at)
        && fragment == NetworkOrder.u16(b, next.at + IpHeader.V4_FRAGMENT)
        && NetworkOrder.u8(a, first.at + IpHeader.V4_TTL)
            == NetworkOrder.u8(b, next.at + IpHeader.V4_TTL);
  }

  private boolean sameTcpHeader(Candidate next) {
    long a = first.at + first.transport;
    long b = next.at + next.transport;
    int tcpLength = first.headers - first.transport;
    return next.sequence == first.sequence + payload
        && sameInt(next, a + TcpHeader.ACKNOWLEDGEMENT, b + TcpHeader.ACKNOWLEDGEMENT)
        && NetworkOrder.u8(first.memory, a + TcpHeader.DATA_OFFSET)
            == NetworkOrder.u8(next.memory, b + TcpHeader.DATA_OFFSET)
        && NetworkOrder.u16(first.memory, a + TcpHeader.WINDOW)
            == NetworkOrder.u16(next.memory, b + TcpHeader.WINDOW)
        && NetworkOrder.u16(first.memory, a + TcpHeader.URGENT)
            == NetworkOrder.u16(next.memory, b + TcpHeader.URGENT)
        && sameOptions(next, a, b, tcpLength);
  }

  private boolean sameOptions(Candidate next, long a, long b, int tcpLength) {
    for (int i = TcpHeader.MIN; i < tcpLength; i += 4) {
      if (!sameInt(next, a + i, b + i)) {
        return false;
      }
    }
    return true;
  }

  private boolean sameInt(Candidate next, long a, long b) {
    return NetworkOrder.i32(first.memory, a) == NetworkOrder.i32(next.memory, b);
  }

  /**
   * Appends an accepted packet.
   *
   * @return whether the super-packet ends with it
   */
  boolean append(Candidate next) {
    packets++;
    putIovec(packets, next.memory.address() + next.at + next.headers, next.payload);
    payload += next.payload;
    lastFlags = next.tcpFlags;
    return next.ends() || next.payload < first.payload || packets == MAX_PACKETS;
  }

  /** Drops the held packets; returns their number. */
  int discard() {
    int held = packets;
    packets = 0;
    first = new Candidate();
    return held;
  }

  /** Writes the held packets and closes the flow. */
  void flush(TunWriter writer) {
    int written = packets;
    packets = 0;
    if (written == 1) {
      VnetHeader.putPlain(scratch, 0, VnetHeader.DATA_VALID);
      putIovec(0, scratch.address(), VnetHeader.SIZE);
      putIovec(1, first.memory.address() + first.at, first.ip.length());
      writer.write(iovecs, 2, 1, VnetHeader.SIZE + first.ip.length());
      return;
    }
    int length = first.headers + payload;
    MemorySegment.copy(first.memory, first.at, scratch, VnetHeader.SIZE, first.headers);
    putSuperIpHeader(length);
    int gsoType = first.isTcp() ? putSuperTcpHeader(length) : putSuperUdpHeader(length);
    VnetHeader.put(
        scratch,
        0,
        VnetHeader.NEEDS_CSUM,
        gsoType,
        first.headers,
        first.payload,
        first.transport,
        first.isTcp() ? TcpHeader.CHECKSUM : UdpHeader.CHECKSUM);
    putIovec(0, scratch.address(), VnetHeader.SIZE + first.headers);
    writer.write(iovecs, 1 + written, written, VnetHeader.SIZE + length);
  }

  private void putSuperIpHeader(int length) {
    long at = VnetHeader.SIZE;
    if (!first.ip.v4()) {
      NetworkOrder.put16(scratch, at + IpHeader.V6_PAYLOAD_LENGTH, length - IpHeader.V6);
      return;
    }
    NetworkOrder.put16(scratch, at + IpHeader.V4_TOTAL_LENGTH, length);
    NetworkOrder.put16(scratch, at + IpHeader.V4_CHECKSUM, 0);
    Checksum.put(scratch, at + IpHeader.V4_CHECKSUM, Checksum.sum(scratch, at, IpHeader.V4_MIN));
  }

  private int putSuperTcpHeader(int length) {
    long tcp = (long) VnetHeader.SIZE + first.transport;
    NetworkOrder.put8(scratch, tcp + TcpHeader.FLAGS, lastFlags);
    Checksum.putPartial(scratch, tcp + TcpHeader.CHECKSUM, first.pseudoHeader(length));
    return first.ip.v4() ? VnetHeader.GSO_TCPV4 : VnetHeader.GSO_TCPV6;
  }

  private int putSuperUdpHeader(int length) {
    long udp = (long) VnetHeader.SIZE + first.transport;
    NetworkOrder.put16(scratch, udp + UdpHeader.LENGTH, length - first.transport);
    Checksum.putPartial(scratch, udp + UdpHeader.CHECKSUM, first.pseudoHeader(length));
    return VnetHeader.GSO_UDP_L4;
  }

  private void putIovec(int i, long address, long length) {
    iovecs.set(ValueLayout.JAVA_LONG, i * IOVEC, address);
    iovecs.set(ValueLayout.JAVA_LONG, i * IOVEC + IOVEC_LENGTH, length);
  }
}
