// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;

/**
 * Splits the result of one read of a TUN device, a virtio-net header and a packet or super-packet,
 * into trains of packets for the engine to seal. Payload is copied once and summed while it is in
 * cache; header fields that all segments share are summed once per super-packet.
 *
 * <p>Use: {@link #begin}, then {@link #fill} one train after the other while {@link #hasNext}. The
 * memory must not change until then. Owned by one lane; allocates nothing.
 */
public final class Segmenter {
  private final InnerPacket packet = new InnerPacket();
  private MemorySegment memory = MemorySegment.NULL;

  /** Offset of the IP header. */
  private long ip;

  private int gsoType;
  private boolean needsChecksum;

  /**
   * Offset from {@link #ip} of the transport header, or of the first byte that the checksum covers.
   */
  private int transport;

  /** Offset from {@link #ip} of the checksum. */
  private int checksum;

  /** Bytes of all headers: each segment has as many before its payload. */
  private int headers;

  private int segmentSize;
  private int payload;
  private int done;
  private boolean hasNext;
  private int index;

  /** Sums over the fields that are equal in all segments' IPv4 and transport headers. */
  private long ipSum;

  private long transportSum;
  private int id;
  private int sequence;
  private int tcpFlags;

  /**
   * Starts on {@code length} bytes at {@code offset}: a virtio-net header and an IP packet. Bytes
   * behind the packet's own length are left out.
   *
   * @return false if headers cannot be read or contradict the lengths; there is nothing to fill
   *     then
   */
  public boolean begin(MemorySegment newMemory, long offset, int length) {
    hasNext = false;
    memory = newMemory;
    ip = offset + VnetHeader.SIZE;
    if (length < VnetHeader.SIZE || !packet.read(memory, ip, length - VnetHeader.SIZE)) {
      return false;
    }
    gsoType = VnetHeader.gsoType(memory, offset) & ~VnetHeader.GSO_ECN;
    needsChecksum = (VnetHeader.flags(memory, offset) & VnetHeader.NEEDS_CSUM) != 0;
    transport = VnetHeader.csumStart(memory, offset);
    int checksumOffset = VnetHeader.csumOffset(memory, offset);
    checksum = transport + checksumOffset;
    segmentSize = VnetHeader.gsoSize(memory, offset);
    done = 0;
    index = 0;
    hasNext =
        (!needsChecksum || checksumIsInPacket())
            && switch (gsoType) {
              case VnetHeader.GSO_NONE -> beginSingle();
              case VnetHeader.GSO_TCPV4, VnetHeader.GSO_TCPV6 ->
                  checksumOffset == TcpHeader.CHECKSUM && beginTcp();
              case VnetHeader.GSO_UDP_L4 -> checksumOffset == UdpHeader.CHECKSUM && beginUdp();
              default -> false;
            };
    return hasNext;
  }

  private boolean checksumIsInPacket() {
    return transport >= packet.headerLength()
        && (checksum & 1) == (transport & 1)
        && checksum + 2 <= packet.length();
  }

  private boolean beginSingle() {
    headers = 0;
    payload = packet.length();
    segmentSize = payload;
    return true;
  }

  private boolean beginTcp() {
    boolean rightFamily = packet.v4() == (gsoType == VnetHeader.GSO_TCPV4);
    if (!rightFamily
        || !splittable(IpProtocol.TCP)
        || transport + TcpHeader.MIN > packet.length()) {
      return false;
    }
    long tcp = ip + transport;
    int tcpLength = (NetworkOrder.u8(memory, tcp + TcpHeader.DATA_OFFSET) >>> 4) * 4;
    headers = transport + tcpLength;
    if (tcpLength < TcpHeader.MIN || headers > packet.length()) {
      return false;
    }
    sequence = NetworkOrder.i32(memory, tcp + TcpHeader.SEQUENCE);
    tcpFlags = NetworkOrder.u8(memory, tcp + TcpHeader.FLAGS);
    // All fields except the sequence number and the flags. The checksum field holds the pseudo
    // header's sum, which includes the super-packet's length.
    transportSum =
        Checksum.sum(memory, tcp, TcpHeader.SEQUENCE)
            + Checksum.sum(memory, tcp + TcpHeader.ACKNOWLEDGEMENT, 4)
            + NetworkOrder.u8(memory, tcp + TcpHeader.DATA_OFFSET)
            + Checksum.sum(memory, tcp + TcpHeader.WINDOW, tcpLength - TcpHeader.WINDOW)
            + Checksum.without(packet.length() - transport);
    return beginSegments();
  }

  private boolean beginUdp() {
    headers = transport + UdpHeader.SIZE;
    if (!splittable(IpProtocol.UDP) || headers > packet.length()) {
      return false;
    }
    long udp = ip + transport;
    // All fields except the length.
    transportSum =
        Checksum.sum(memory, udp, UdpHeader.LENGTH)
            + Checksum.load(memory, udp + UdpHeader.CHECKSUM)
            + Checksum.without(packet.length() - transport);
    return beginSegments();
  }

  /**
   * Whether the headers up to the transport header are allowed in a super-packet. Behind extension
   * headers of IPv6, the kernel's GSO type is trusted to name the transport.
   */
  private boolean splittable(int protocol) {
    boolean extended = !packet.v4() && transport > IpHeader.V6;
    return needsChecksum
        && segmentSize > 0
        && !packet.fragment()
        && (extended || (transport == packet.headerLength() && packet.protocol() == protocol));
  }

  private boolean beginSegments() {
    payload = packet.length() - headers;
    if (packet.v4()) {
      id = NetworkOrder.u16(memory, ip + IpHeader.V4_ID);
      ipSum =
          Checksum.sum(memory, ip, IpHeader.V4_TOTAL_LENGTH)
              + Checksum.sum(memory, ip + IpHeader.V4_FRAGMENT, 4)
              + Checksum.sum(
                  memory, ip + IpHeader.V4_SOURCE, packet.headerLength() - IpHeader.V4_SOURCE);
    }
    return true;
  }

  /** The IP header that {@link #begin} read; valid while the memory is unchanged. */
  public InnerPacket packet() {
    return packet;
  }

  /** The number of packets that {@link #begin} found. */
  public int packets() {
    return Math.max(1, (payload + segmentSize - 1) / segmentSize);
  }

  /** Bytes of all packets that {@link #begin} found. */
  public long bytes() {
    return payload + (long) packets() * headers;
  }

  public boolean hasNext() {
    return hasNext;
  }

  /** Bytes of the next packet. */
  public int nextLength() {
    return headers + Math.min(segmentSize, payload - done);
  }

  /**
   * Adds the next packets to {@code train} for as long as it accepts them. An empty train that
   * takes none never will: the packet is too big.
   *
   * @param mtu the tunnel's MTU in bytes, for padding; larger packets are not refused here
   * @return the number of packets added
   */
  public int fill(Train train, Overhead overhead, int mtu) {
    int before = train.packets();
    while (hasNext) {
      int length = nextLength();
      int sealedLength = overhead.sealedLength(length, mtu);
      if (!train.accepts(sealedLength)) {
        break;
      }
      long at = train.add(length, sealedLength);
      switch (gsoType) {
        case VnetHeader.GSO_NONE -> putSingle(train.memory(), at);
        case VnetHeader.GSO_UDP_L4 -> putUdp(train.memory(), at, length);
        default -> putTcp(train.memory(), at, length);
      }
      done += length - headers;
      index++;
      hasNext = done < payload;
    }
    return train.packets() - before;
  }

  private void putSingle(MemorySegment to, long at) {
    if (!needsChecksum) {
      MemorySegment.copy(memory, ip, to, at, payload);
      return;
    }
    MemorySegment.copy(memory, ip, to, at, transport);
    long sum = Checksum.copyAndSum(memory, ip + transport, to, at + transport, payload - transport);
    if (checksum - transport == UdpHeader.CHECKSUM) {
      Checksum.putUdp(to, at + checksum, sum);
    } else {
      Checksum.put(to, at + checksum, sum);
    }
  }

  private void putTcp(MemorySegment to, long at, int length) {
    long sum = transportSum + putHeadersAndPayload(to, at, length);
    int segmentSequence = sequence + done;
    boolean last = done + length - headers >= payload;
    int flags = last ? tcpFlags : tcpFlags & ~(TcpHeader.FIN | TcpHeader.PSH);
    if (index > 0) {
      flags &= ~TcpHeader.CWR;
    }
    long tcp = at + transport;
    NetworkOrder.put32(to, tcp + TcpHeader.SEQUENCE, segmentSequence);
    NetworkOrder.put8(to, tcp + TcpHeader.FLAGS, flags);
    sum += Checksum.doubleWord(segmentSequence) + Checksum.word(flags);
    Checksum.put(to, at + checksum, sum + Checksum.word(length - transport));
  }

  private void putUdp(MemorySegment to, long at, int length) {
    long sum = transportSum + putHeadersAndPayload(to, at, length);
    int udpLength = length - transport;
    NetworkOrder.put16(to, at + transport + UdpHeader.LENGTH, udpLength);
    // The length counts twice: in the pseudo header and in the header.
    Checksum.putUdp(to, at + checksum, sum + 2L * Checksum.word(udpLength));
  }

  /** Writes a segment's payload and the headers after its IP header; returns the payload's sum. */
  private long putHeadersAndPayload(MemorySegment to, long at, int length) {
    MemorySegment.copy(memory, ip, to, at, headers);
    if (packet.v4()) {
      int segmentId = id + index;
      NetworkOrder.put16(to, at + IpHeader.V4_TOTAL_LENGTH, length);
      NetworkOrder.put16(to, at + IpHeader.V4_ID, segmentId);
      long sum = ipSum + Checksum.word(length) + Checksum.word(segmentId);
      Checksum.put(to, at + IpHeader.V4_CHECKSUM, sum);
    } else {
      NetworkOrder.put16(to, at + IpHeader.V6_PAYLOAD_LENGTH, length - IpHeader.V6);
    }
    return Checksum.copyAndSum(memory, ip + headers + done, to, at + headers, length - headers);
  }
}
