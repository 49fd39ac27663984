// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import dev.culvert.tunnel.train.Fragmentation;
import java.lang.foreign.MemorySegment;

/**
 * The IP header of one packet, read once. A flyweight: reused for every packet, so nothing is
 * allocated.
 */
public final class InnerPacket {
  private boolean v4;
  private int headerLength;
  private int length;
  private int protocol;
  private int tos;
  private boolean fragment;
  private boolean laterFragment;
  private boolean dontFragment;
  private long sourceHigh;
  private long sourceLow;
  private long destinationHigh;
  private long destinationLow;

  /**
   * Reads the header at {@code at}; never outside of the {@code available} bytes there.
   *
   * @return false if it is no IP header, or its lengths contradict each other or {@code available};
   *     the fields are undefined then
   */
  public boolean read(MemorySegment memory, long at, int available) {
    if (available < IpHeader.V4_MIN) {
      return false;
    }
    return switch (IpHeader.version(memory, at)) {
      case 4 -> read4(memory, at, available);
      case 6 -> available >= IpHeader.V6 && read6(memory, at, available);
      default -> false;
    };
  }

  private boolean read4(MemorySegment memory, long at, int available) {
    v4 = true;
    headerLength = (NetworkOrder.u8(memory, at) & 15) * 4;
    length = NetworkOrder.u16(memory, at + IpHeader.V4_TOTAL_LENGTH);
    if (headerLength < IpHeader.V4_MIN || length < headerLength || length > available) {
      return false;
    }
    tos = NetworkOrder.u8(memory, at + IpHeader.V4_TOS);
    protocol = NetworkOrder.u8(memory, at + IpHeader.V4_PROTOCOL);
    int fragmentField = NetworkOrder.u16(memory, at + IpHeader.V4_FRAGMENT);
    fragment = (fragmentField & IpHeader.V4_IS_FRAGMENT) != 0;
    laterFragment = (fragmentField & IpHeader.V4_FRAGMENT_OFFSET) != 0;
    dontFragment = (fragmentField & IpHeader.V4_DONT_FRAGMENT) != 0;
    sourceHigh = 0;
    sourceLow = Integer.toUnsignedLong(NetworkOrder.i32(memory, at + IpHeader.V4_SOURCE));
    destinationHigh = 0;
    destinationLow = Integer.toUnsignedLong(NetworkOrder.i32(memory, at + IpHeader.V4_DESTINATION));
    return true;
  }

  private boolean read6(MemorySegment memory, long at, int available) {
    v4 = false;
    headerLength = IpHeader.V6;
    length = IpHeader.V6 + NetworkOrder.u16(memory, at + IpHeader.V6_PAYLOAD_LENGTH);
    if (length > available) {
      return false;
    }
    tos = NetworkOrder.u16(memory, at) >>> 4 & 0xff;
    protocol = NetworkOrder.u8(memory, at + IpHeader.V6_NEXT_HEADER);
    fragment = false;
    laterFragment = false;
    dontFragment = true;
    sourceHigh = NetworkOrder.i64(memory, at + IpHeader.V6_SOURCE);
    sourceLow = NetworkOrder.i64(memory, at + IpHeader.V6_SOURCE + 8);
    destinationHigh = NetworkOrder.i64(memory, at + IpHeader.V6_DESTINATION);
    destinationLow = NetworkOrder.i64(memory, at + IpHeader.V6_DESTINATION + 8);
    return true;
  }

  /** Whether it is IPv4; else it is IPv6. */
  public boolean v4() {
    return v4;
  }

  /** Bytes of the IP header: with the options of IPv4, without the extensions of IPv6. */
  public int headerLength() {
    return headerLength;
  }

  /**
   * Bytes of the packet according to its header; bytes that were read behind them do not belong to
   * it.
   */
  public int length() {
    return length;
  }

  /** The IPv4 protocol, or the type of the header behind the IPv6 header. */
  public int protocol() {
    return protocol;
  }

  /** DSCP and ECN: the IPv4 TOS byte or the IPv6 traffic class. */
  public int tos() {
    return tos;
  }

  /** Whether it is an IPv4 fragment; {@link TransportHeader} finds those of IPv6. */
  public boolean fragment() {
    return fragment;
  }

  /** Whether it is an IPv4 fragment and not the first. */
  public boolean laterFragment() {
    return laterFragment;
  }

  /** The meaning of its DF bit; IPv6 counts as if DF were set, since no router fragments it. */
  public Fragmentation fragmentation() {
    return dontFragment ? Fragmentation.FORBIDDEN : Fragmentation.ALLOWED;
  }

  public int source4() {
    return (int) sourceLow;
  }

  public int destination4() {
    return (int) destinationLow;
  }

  /** Upper 64 bits of the IPv6 source; 0 for IPv4. */
  public long sourceHigh() {
    return sourceHigh;
  }

  /** Lower 64 bits of the IPv6 source; the IPv4 source, unsigned. */
  public long sourceLow() {
    return sourceLow;
  }

  /** Upper 64 bits of the IPv6 destination; 0 for IPv4. */
  public long destinationHigh() {
    return destinationHigh;
  }

  /** Lower 64 bits of the IPv6 destination; the IPv4 destination, unsigned. */
  public long destinationLow() {
    return destinationLow;
  }

  boolean sameHosts(InnerPacket other) {
    return v4 == other.v4
        && sourceLow == other.sourceLow
        && destinationLow == other.destinationLow
        && sourceHigh == other.sourceHigh
        && destinationHigh == other.destinationHigh;
  }
}
