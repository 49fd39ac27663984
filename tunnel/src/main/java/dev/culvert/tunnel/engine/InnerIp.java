package dev.culvert.tunnel.engine;

import java.lang.foreign.MemorySegment;

/** What engines read of the IP header of an opened packet, where it lies. */
public final class InnerIp {
  private static final int V4_HEADER = 20;
  private static final int V4_TOTAL_LENGTH = 2;
  private static final int V4_SOURCE = 12;
  private static final int V4_DESTINATION = 16;
  private static final int V6_HEADER = 40;
  private static final int V6_PAYLOAD_LENGTH = 4;
  private static final int V6_SOURCE = 8;
  private static final int V6_DESTINATION = 24;

  private InnerIp() {}

  /** The version that the packet says it has, 0 to 15. */
  public static int version(MemorySegment memory, long at) {
    return NetworkOrder.u8(memory, at) >>> 4;
  }

  /**
   * The length that the IP header gives, 0 where that cannot be.
   *
   * @param plain bytes that are there, at least 1
   */
  public static int length(MemorySegment memory, long at, int plain) {
    int version = version(memory, at);
    int length = 0;
    if (version == 4 && plain >= V4_HEADER) {
      length = NetworkOrder.u16(memory, at + V4_TOTAL_LENGTH);
      length = length < V4_HEADER ? 0 : length;
    } else if (version == 6 && plain >= V6_HEADER) {
      length = V6_HEADER + NetworkOrder.u16(memory, at + V6_PAYLOAD_LENGTH);
    }
    return length <= plain ? length : 0;
  }

  /** DSCP and ECN, of a packet that has a whole header. */
  public static int tos(MemorySegment memory, long at) {
    int start = NetworkOrder.u16(memory, at);
    return (version(memory, at) == 4 ? start : start >>> 4) & 0xff;
  }

  /** The upper 64 bits of the source, 0 for IPv4. */
  public static long sourceHigh(MemorySegment memory, long at) {
    return version(memory, at) == 4 ? 0 : NetworkOrder.i64(memory, at + V6_SOURCE);
  }

  /** The lower 64 bits of the source; the IPv4 address, sign-extended. */
  public static long sourceLow(MemorySegment memory, long at) {
    return version(memory, at) == 4
        ? NetworkOrder.i32(memory, at + V4_SOURCE)
        : NetworkOrder.i64(memory, at + V6_SOURCE + 8);
  }

  /** As {@link #sourceHigh}. */
  public static long destinationHigh(MemorySegment memory, long at) {
    return version(memory, at) == 4 ? 0 : NetworkOrder.i64(memory, at + V6_DESTINATION);
  }

  /** As {@link #sourceLow}. */
  public static long destinationLow(MemorySegment memory, long at) {
    return version(memory, at) == 4
        ? NetworkOrder.i32(memory, at + V4_DESTINATION)
        : NetworkOrder.i64(memory, at + V6_DESTINATION + 8);
  }
}
