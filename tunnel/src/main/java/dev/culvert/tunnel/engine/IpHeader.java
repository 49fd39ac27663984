// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.lang.foreign.MemorySegment;

/**
 * The IP header of a packet: offsets, sizes, protocol numbers, and the fields that engines read.
 */
public final class IpHeader {
  public static final int V4_MIN = 20;
  public static final int V4_TOS = 1;
  public static final int V4_TOTAL_LENGTH = 2;
  public static final int V4_ID = 4;
  public static final int V4_FRAGMENT = 6;
  public static final int V4_TTL = 8;
  public static final int V4_PROTOCOL = 9;
  public static final int V4_CHECKSUM = 10;
  public static final int V4_SOURCE = 12;
  public static final int V4_DESTINATION = 16;

  public static final int V4_DONT_FRAGMENT = 0x4000;

  /** More fragments, and the fragment's offset: any of these bits makes a packet a fragment. */
  public static final int V4_IS_FRAGMENT = 0x3fff;

  public static final int V4_FRAGMENT_OFFSET = 0x1fff;

  public static final int V6 = 40;
  public static final int V6_PAYLOAD_LENGTH = 4;
  public static final int V6_NEXT_HEADER = 6;
  public static final int V6_HOP_LIMIT = 7;
  public static final int V6_SOURCE = 8;
  public static final int V6_DESTINATION = 24;

  public static final int V6_FRAGMENT = 44;
  public static final int V6_AUTHENTICATION = 51;

  private IpHeader() {}

  /** The version that the packet says it has, 0 to 15. */
  public static int version(MemorySegment memory, long at) {
    return NetworkOrder.u8(memory, at) >>> 4;
  }

  /**
   * The length that the header gives; 0 if it contradicts the bytes that are there.
   *
   * @param plain bytes that are there, at least 1
   */
  public static int length(MemorySegment memory, long at, int plain) {
    int version = version(memory, at);
    int length = 0;
    if (version == 4 && plain >= V4_MIN) {
      length = NetworkOrder.u16(memory, at + V4_TOTAL_LENGTH);
      length = length < V4_MIN ? 0 : length;
    } else if (version == 6 && plain >= V6) {
      length = V6 + NetworkOrder.u16(memory, at + V6_PAYLOAD_LENGTH);
    }
    return length <= plain ? length : 0;
  }

  /** DSCP and ECN of a packet that has a whole header. */
  public static int tos(MemorySegment memory, long at) {
    int start = NetworkOrder.u16(memory, at);
    return (version(memory, at) == 4 ? start : start >>> 4) & 0xff;
  }

  /** The upper 64 bits of the source, 0 for IPv4. */
  public static long sourceHigh(MemorySegment memory, long at) {
    return version(memory, at) == 4 ? 0 : NetworkOrder.i64(memory, at + V6_SOURCE);
  }

  /** The lower 64 bits of the source; the IPv4 address, unsigned. */
  public static long sourceLow(MemorySegment memory, long at) {
    return version(memory, at) == 4
        ? Integer.toUnsignedLong(NetworkOrder.i32(memory, at + V4_SOURCE))
        : NetworkOrder.i64(memory, at + V6_SOURCE + 8);
  }

  /** The upper 64 bits of the destination, 0 for IPv4. */
  public static long destinationHigh(MemorySegment memory, long at) {
    return version(memory, at) == 4 ? 0 : NetworkOrder.i64(memory, at + V6_DESTINATION);
  }

  /** The lower 64 bits of the destination; the IPv4 address, unsigned. */
  public static long destinationLow(MemorySegment memory, long at) {
    return version(memory, at) == 4
        ? Integer.toUnsignedLong(NetworkOrder.i32(memory, at + V4_DESTINATION))
        : NetworkOrder.i64(memory, at + V6_DESTINATION + 8);
  }
}
