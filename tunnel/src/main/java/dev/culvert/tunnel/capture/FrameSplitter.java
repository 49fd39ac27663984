// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.capture;

import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.offload.Checksum;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.offload.UdpHeader;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns the frames of a packet socket into those of the wire: UDP super-packets are segmented as
 * the kernel does it, and checksums that were left to a network card are completed.
 */
final class FrameSplitter {
  private static final int ANY_MTU = 65_535;
  private static final ValueLayout.OfShort SUM =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Segmenter segmenter = new Segmenter();
  private final Train train = new Train();
  private final MemorySegment packets = Arena.ofAuto().allocate(2L * ANY_MTU, 64);

  /**
   * The frames of the wire, each from its link header on.
   *
   * @param memory is written to
   * @param at offset of the virtio-net header, which the frame follows
   * @param length bytes of both
   * @param linkLength bytes of the link header, 0 or more
   */
  List<byte[]> split(MemorySegment memory, long at, int length, int linkLength) {
    long frame = at + VnetHeader.SIZE;
    byte[] whole = memory.asSlice(frame, length - VnetHeader.SIZE).toArray(ValueLayout.JAVA_BYTE);
    int flags = VnetHeader.flags(memory, at);
    int gsoType = VnetHeader.gsoType(memory, at);
    boolean complete = (flags & VnetHeader.NEEDS_CSUM) == 0 && gsoType == VnetHeader.GSO_NONE;
    if (complete
        || whole.length < linkLength + IpHeader.V4_MIN
        || !begin(memory, at, length, linkLength)) {
      return List.of(whole);
    }
    List<byte[]> frames = new ArrayList<>(segmenter.packets());
    while (segmenter.hasNext()) {
      train.startAt(packets, 0, 0);
      if (segmenter.fill(train, Overhead.NONE, ANY_MTU) == 0) {
        return List.of(whole);
      }
      for (int i = 0; i < train.packets(); i++) {
        byte[] cut = new byte[linkLength + train.length(i)];
        System.arraycopy(whole, 0, cut, 0, linkLength);
        MemorySegment.copy(
            packets, ValueLayout.JAVA_BYTE, train.inner(i), cut, linkLength, train.length(i));
        frames.add(cut);
      }
    }
    return frames;
  }

  /** Moves the virtio-net header to before the IP header, over the link header, and begins. */
  private boolean begin(MemorySegment memory, long at, int length, int linkLength) {
    int flags = VnetHeader.flags(memory, at);
    int gsoType = VnetHeader.gsoType(memory, at);
    int start = VnetHeader.csumStart(memory, at) - linkLength;
    int offset = VnetHeader.csumOffset(memory, at);
    int size = VnetHeader.gsoSize(memory, at);
    long ip = at + VnetHeader.SIZE + linkLength;
    int packet = length - VnetHeader.SIZE - linkLength;
    if ((flags & VnetHeader.NEEDS_CSUM) == 0 && gsoType == VnetHeader.GSO_UDP_L4) {
      // The kernel merged received datagrams whose checksums were good; the checksums have to be
      // computed anew.
      start = begunChecksum(memory, ip, packet);
      offset = UdpHeader.CHECKSUM;
    }
    if (start < 0) {
      return false;
    }
    VnetHeader.put(
        memory, ip - VnetHeader.SIZE, VnetHeader.NEEDS_CSUM, gsoType, 0, size, start, offset);
    return segmenter.begin(memory, ip - VnetHeader.SIZE, packet + VnetHeader.SIZE);
  }

  /**
   * Writes the pseudo header's sum into the checksum field; returns the offset of UDP's header, or
   * -1.
   */
  private static int begunChecksum(MemorySegment memory, long ip, int length) {
    int first = memory.get(ValueLayout.JAVA_BYTE, ip) & 0xff;
    boolean v4 = first >>> 4 == 4;
    int header = v4 ? (first & 0xf) * 4 : IpHeader.V6;
    int protocol =
        memory.get(
            ValueLayout.JAVA_BYTE, ip + (v4 ? IpHeader.V4_PROTOCOL : IpHeader.V6_NEXT_HEADER));
    if (protocol != IpProtocol.UDP || length < header + UdpHeader.SIZE) {
      return -1;
    }
    long sum =
        v4
            ? Checksum.pseudoHeader4(memory, ip, IpProtocol.UDP, length - header)
            : Checksum.pseudoHeader6(memory, ip, IpProtocol.UDP, length - header);
    memory.set(SUM, ip + header + UdpHeader.CHECKSUM, (short) Checksum.fold(sum));
    return header;
  }
}
