// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.offload.Checksum;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The packets of one read from a TUN device: a flow from {@link TunnelEnd} 1 to 2. */
public enum Traffic {
  TCP4(true, true, 1420),
  TCP6(false, true, 1420),
  UDP4(true, false, 1420),
  UDP6(false, false, 1420),
  /** IPv4 packets of 64 bytes, 36 of them payload; those of all others are 1420 long. */
  SMALL_UDP4(true, false, 64);

  /** Most bytes of a read, the virtio-net header included. */
  static final int MAX_BYTES = VnetHeader.SIZE + 65_535;

  /** The tunnel's MTU. */
  static final int MTU = 1420;

  private static final int ACK = 0x10;
  private static final ValueLayout.OfShort SUM =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final boolean v4;
  private final boolean tcp;

  /** Bytes of each IP packet once it is split. */
  private final int packetLength;

  Traffic(boolean v4, boolean tcp, int packetLength) {
    this.v4 = v4;
    this.tcp = tcp;
    this.packetLength = packetLength;
  }

  /**
   * Writes a virtio-net header and a super-packet, its checksum left to do as by the kernel; one
   * segment makes a plain packet.
   *
   * @param segments packets in it
   * @param done packets of the flow before it: the flow continues after them
   * @return bytes written
   */
  int write(MemorySegment to, int segments, int done) {
    int ipLength = v4 ? 20 : 40;
    int headers = ipLength + (tcp ? 20 : 8);
    int segmentSize = packetLength - headers;
    int length = headers + segments * segmentSize;
    ByteBuffer packet = ByteBuffer.allocate(length);
    putIpHeader(packet, length, done);
    putTransportHeader(packet, length - ipLength, done * segmentSize);
    MemorySegment.copy(packet.array(), 0, to, ValueLayout.JAVA_BYTE, VnetHeader.SIZE, length);
    putChecksums(to, ipLength, length - ipLength);
    boolean single = segments == 1;
    VnetHeader.put(
        to,
        0,
        VnetHeader.NEEDS_CSUM,
        single ? VnetHeader.GSO_NONE : gsoType(),
        headers,
        single ? 0 : segmentSize,
        ipLength,
        checksumOffset());
    return VnetHeader.SIZE + length;
  }

  private int gsoType() {
    return tcp ? v4 ? VnetHeader.GSO_TCPV4 : VnetHeader.GSO_TCPV6 : VnetHeader.GSO_UDP_L4;
  }

  private int checksumOffset() {
    return tcp ? 16 : 6;
  }

  /** A train of {@code packets} plain packets of this flow, in memory of its own. */
  Train train(Arena arena, Overhead overhead, int packets) {
    MemorySegment superPacket = arena.allocate(MAX_BYTES, 64);
    Train train = new Train().startAt(arena.allocate(65_536, 64), 0, overhead.headroom());
    Segmenter segmenter = new Segmenter();
    if (!segmenter.begin(superPacket, 0, write(superPacket, packets, 0))
        || segmenter.fill(train, overhead, MTU) != packets) {
      throw new IllegalStateException("no train takes " + packets + " packets of " + this);
    }
    return train;
  }

  private void putIpHeader(ByteBuffer to, int length, int id) {
    int protocol = tcp ? IpProtocol.TCP : IpProtocol.UDP;
    if (v4) {
      to.putShort((short) 0x4500).putShort((short) length).putShort((short) id);
      to.putShort((short) 0x4000).put((byte) 64).put((byte) protocol).putShort((short) 0);
      to.putInt((int) TunnelEnd.inner4(1).low()).putInt((int) TunnelEnd.inner4(2).low());
    } else {
      to.putInt(6 << 28).putShort((short) (length - 40)).put((byte) protocol).put((byte) 64);
      to.put(TunnelEnd.inner6(1).toBytes()).put(TunnelEnd.inner6(2).toBytes());
    }
  }

  private void putTransportHeader(ByteBuffer to, int length, int sequence) {
    to.putShort((short) 4242).putShort((short) 5001);
    if (tcp) {
      to.putInt(sequence).putInt(1).put((byte) 0x50).put((byte) ACK).putShort((short) 512);
    } else {
      to.putShort((short) length);
    }
  }

  /**
   * The IPv4 header's checksum, and as the transport's only the pseudo header's sum, as the kernel
   * does.
   */
  private void putChecksums(MemorySegment to, int ipLength, int transportLength) {
    long ip = VnetHeader.SIZE;
    int protocol = tcp ? IpProtocol.TCP : IpProtocol.UDP;
    long pseudoHeader =
        v4
            ? Checksum.pseudoHeader4(to, ip, protocol, transportLength)
            : Checksum.pseudoHeader6(to, ip, protocol, transportLength);
    to.set(SUM, ip + ipLength + checksumOffset(), (short) Checksum.fold(pseudoHeader));
    if (v4) {
      to.set(SUM, ip + 10, (short) ~Checksum.fold(Checksum.sum(to, ip, ipLength)));
    }
  }
}
