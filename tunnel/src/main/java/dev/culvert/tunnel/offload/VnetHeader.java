// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The virtio-net header (struct virtio_net_hdr of linux/virtio_net.h) that a TUN device with {@code
 * IFF_VNET_HDR} puts before every packet. Fields are in the machine's byte order.
 */
public final class VnetHeader {
  /** Bytes of the header. */
  public static final int SIZE = 10;

  /** Flag: the checksum at csum_start + csum_offset holds the pseudo header's sum only. */
  public static final int NEEDS_CSUM = 1;

  /** Flag: the packet's checksum was verified. */
  public static final int DATA_VALID = 2;

  public static final int GSO_NONE = 0;
  public static final int GSO_TCPV4 = 1;

  /** UDP in IP fragments, which we do not request. */
  public static final int GSO_UDP = 3;

  public static final int GSO_TCPV6 = 4;

  /** UDP datagrams of equal size. */
  public static final int GSO_UDP_L4 = 5;

  /** A bit beside the type: the first segment carries CWR. */
  public static final int GSO_ECN = 0x80;

  private static final int FLAGS = 0;
  private static final int GSO_TYPE = 1;
  private static final int HEADER_LENGTH = 2;
  private static final int GSO_SIZE = 4;
  private static final int CSUM_START = 6;
  private static final int CSUM_OFFSET = 8;

  private VnetHeader() {}

  public static int flags(MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_BYTE, at + FLAGS) & 0xff;
  }

  public static int gsoType(MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_BYTE, at + GSO_TYPE) & 0xff;
  }

  /** Bytes of all headers, a hint of the kernel's. */
  public static int headerLength(MemorySegment memory, long at) {
    return u16(memory, at + HEADER_LENGTH);
  }

  /** Payload bytes of each segment but the last. */
  public static int gsoSize(MemorySegment memory, long at) {
    return u16(memory, at + GSO_SIZE);
  }

  /** Offset of the first byte that the checksum covers, from the first byte of the IP header. */
  public static int csumStart(MemorySegment memory, long at) {
    return u16(memory, at + CSUM_START);
  }

  /** Offset of the checksum, from {@link #csumStart}. */
  public static int csumOffset(MemorySegment memory, long at) {
    return u16(memory, at + CSUM_OFFSET);
  }

  /** Writes the header of a packet that is no super-packet and has a complete checksum. */
  public static void putPlain(MemorySegment memory, long at, int flags) {
    put(memory, at, flags, GSO_NONE, 0, 0, 0, 0);
  }

  /** Writes all fields. */
  public static void put(
      MemorySegment memory,
      long at,
      int flags,
      int gsoType,
      int headerLength,
      int gsoSize,
      int csumStart,
      int csumOffset) {
    memory.set(ValueLayout.JAVA_BYTE, at + FLAGS, (byte) flags);
    memory.set(ValueLayout.JAVA_BYTE, at + GSO_TYPE, (byte) gsoType);
    put16(memory, at + HEADER_LENGTH, headerLength);
    put16(memory, at + GSO_SIZE, gsoSize);
    put16(memory, at + CSUM_START, csumStart);
    put16(memory, at + CSUM_OFFSET, csumOffset);
  }

  private static int u16(MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) & 0xffff;
  }

  private static void put16(MemorySegment memory, long at, int value) {
    memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) value);
  }
}
