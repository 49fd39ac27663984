// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.engine.NetworkOrder;
import java.lang.foreign.MemorySegment;

/**
 * Builds the ICMP (RFC 792, RFC 1812) and ICMPv6 (RFC 4443) errors with which a gateway answers
 * packets. Every method returns the reply's length in bytes, or 0 if none may be sent: for ICMP
 * errors, for packets to or from an address that is not a single host's, for later fragments, and
 * for packets that cannot be read. The caller limits the rate of answers.
 */
public final class Icmp {
  /** The longest reply, in bytes. */
  public static final int MAX_LENGTH = 1280;

  /** The most bytes of an ICMP reply, which every host must accept (RFC 1812, 4.3.2.3). */
  private static final int MAX_V4_LENGTH = 576;

  private static final int HEADER = 8;
  private static final int CHECKSUM = 2;
  private static final int ARGUMENT = 4;
  private static final int HOP_LIMIT = 64;
  private static final int DESTINATION_UNREACHABLE = 3;
  private static final int FRAGMENTATION_NEEDED = 4;
  private static final int V6_DESTINATION_UNREACHABLE = 1;
  private static final int V6_PACKET_TOO_BIG = 2;

  /** The reason why a destination cannot be reached. */
  public enum Unreachable {
    NO_ROUTE(0, 0),
    ADDRESS(1, 3),
    PROHIBITED(13, 1);

    private final int v4Code;
    private final int v6Code;

    Unreachable(int v4Code, int v6Code) {
      this.v4Code = v4Code;
      this.v6Code = v6Code;
    }
  }

  private final InnerPacket packet = new InnerPacket();
  private final TransportHeader transport = new TransportHeader();

  /**
   * "Fragmentation needed" or "packet too big".
   *
   * @param from the reply's source, of the packet's family
   * @param mtu the largest packet that passes
   * @param out takes up to {@link #MAX_LENGTH} bytes at {@code outAt}
   */
  public int tooBig(
      MemorySegment memory,
      long at,
      int length,
      IpAddress from,
      int mtu,
      MemorySegment out,
      long outAt) {
    if (!mayAnswer(memory, at, length, from)) {
      return 0;
    }
    return packet.v4()
        ? put4(memory, at, from, FRAGMENTATION_NEEDED, mtu & 0xffff, out, outAt)
        : put6(memory, at, from, V6_PACKET_TOO_BIG, 0, mtu, out, outAt);
  }

  /**
   * "Destination unreachable".
   *
   * @param from the reply's source, of the packet's family
   * @param out takes up to {@link #MAX_LENGTH} bytes at {@code outAt}
   */
  public int unreachable(
      MemorySegment memory,
      long at,
      int length,
      IpAddress from,
      Unreachable why,
      MemorySegment out,
      long outAt) {
    if (!mayAnswer(memory, at, length, from)) {
      return 0;
    }
    return packet.v4()
        ? put4(memory, at, from, why.v4Code, 0, out, outAt)
        : put6(memory, at, from, V6_DESTINATION_UNREACHABLE, why.v6Code, 0, out, outAt);
  }

  private boolean mayAnswer(MemorySegment memory, long at, int length, IpAddress from) {
    if (!packet.read(memory, at, length)) {
      return false;
    }
    if (from.v4() != packet.v4()) {
      throw new IllegalArgumentException("the reply's source is of the other family: " + from);
    }
    return isBetweenHosts()
        && transport.read(memory, at, packet) == null
        && !transport.laterFragment()
        && isNoError(memory, at);
  }

  private boolean isBetweenHosts() {
    return packet.v4()
        ? isHost4(packet.source4()) && isHost4(packet.destination4())
        : isHost6(packet.sourceHigh(), packet.sourceLow())
            && isHost6(packet.destinationHigh(), packet.destinationLow());
  }

  /** Whether it is one host's address: not "this network", loopback, multicast or broadcast. */
  private static boolean isHost4(int address) {
    int net = address >>> 24;
    return net != 0 && net != 127 && net < 224;
  }

  private static boolean isHost6(long high, long low) {
    boolean unspecifiedOrLoopback = high == 0 && low >>> 1 == 0;
    return !unspecifiedOrLoopback && high >>> 56 != 0xff;
  }

  private boolean isNoError(MemorySegment memory, long at) {
    if (transport.protocol() != (packet.v4() ? IpProtocol.ICMP : IpProtocol.ICMPV6)) {
      return true;
    }
    if (packet.length() <= transport.offset()) {
      return false;
    }
    int type = NetworkOrder.u8(memory, at + transport.offset());
    return packet.v4() ? isQuery4(type) : isQuery6(type);
  }

  private static boolean isQuery4(int type) {
    return switch (type) {
      case 0, 8, 9, 10, 13, 14, 15, 16, 17, 18 -> true;
      default -> false;
    };
  }

  /** Whether an ICMPv6 type is neither an error (below 128) nor a redirect (137). */
  private static boolean isQuery6(int type) {
    return type >= 128 && type != 137;
  }

  private int put4(
      MemorySegment memory,
      long at,
      IpAddress from,
      int code,
      int mtu,
      MemorySegment out,
      long outAt) {
    int quoted = Math.min(packet.length(), MAX_V4_LENGTH - IpHeader.V4_MIN - HEADER);
    int length = IpHeader.V4_MIN + HEADER + quoted;
    NetworkOrder.put16(out, outAt, 0x45c0); // internetwork control, as RFC 1812 asks for
    NetworkOrder.put16(out, outAt + IpHeader.V4_TOTAL_LENGTH, length);
    NetworkOrder.put32(out, outAt + IpHeader.V4_ID, 0);
    NetworkOrder.put8(out, outAt + IpHeader.V4_TTL, HOP_LIMIT);
    NetworkOrder.put8(out, outAt + IpHeader.V4_PROTOCOL, IpProtocol.ICMP);
    NetworkOrder.put16(out, outAt + IpHeader.V4_CHECKSUM, 0);
    NetworkOrder.put32(out, outAt + IpHeader.V4_SOURCE, (int) from.low());
    NetworkOrder.put32(out, outAt + IpHeader.V4_DESTINATION, packet.source4());
    Checksum.put(out, outAt + IpHeader.V4_CHECKSUM, Checksum.sum(out, outAt, IpHeader.V4_MIN));
    long icmp = outAt + IpHeader.V4_MIN;
    putIcmp(out, icmp, DESTINATION_UNREACHABLE, code, mtu);
    MemorySegment.copy(memory, at, out, icmp + HEADER, quoted);
    Checksum.put(out, icmp + CHECKSUM, Checksum.sum(out, icmp, HEADER + quoted));
    return length;
  }

  private int put6(
      MemorySegment memory,
      long at,
      IpAddress from,
      int type,
      int code,
      int mtu,
      MemorySegment out,
      long outAt) {
    int quoted = Math.min(packet.length(), MAX_LENGTH - IpHeader.V6 - HEADER);
    NetworkOrder.put32(out, outAt, 6 << 28);
    NetworkOrder.put16(out, outAt + IpHeader.V6_PAYLOAD_LENGTH, HEADER + quoted);
    NetworkOrder.put8(out, outAt + IpHeader.V6_NEXT_HEADER, IpProtocol.ICMPV6);
    NetworkOrder.put8(out, outAt + IpHeader.V6_HOP_LIMIT, HOP_LIMIT);
    NetworkOrder.put64(out, outAt + IpHeader.V6_SOURCE, from.high());
    NetworkOrder.put64(out, outAt + IpHeader.V6_SOURCE + 8, from.low());
    NetworkOrder.put64(out, outAt + IpHeader.V6_DESTINATION, packet.sourceHigh());
    NetworkOrder.put64(out, outAt + IpHeader.V6_DESTINATION + 8, packet.sourceLow());
    long icmp = outAt + IpHeader.V6;
    putIcmp(out, icmp, type, code, mtu);
    MemorySegment.copy(memory, at, out, icmp + HEADER, quoted);
    long sum =
        Checksum.sum(out, icmp, HEADER + quoted)
            + Checksum.pseudoHeader6(out, outAt, IpProtocol.ICMPV6, HEADER + quoted);
    Checksum.put(out, icmp + CHECKSUM, sum);
    return IpHeader.V6 + HEADER + quoted;
  }

  private static void putIcmp(MemorySegment out, long icmp, int type, int code, int argument) {
    NetworkOrder.put16(out, icmp, type << 8 | code);
    NetworkOrder.put16(out, icmp + CHECKSUM, 0);
    NetworkOrder.put32(out, icmp + ARGUMENT, argument);
  }
}
