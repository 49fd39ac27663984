package dev.culvert.tunnel.offload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The Internet checksum (RFC 1071). The ones' complement sum does not care about byte order, so
 * sums here are of little-endian words, as the machines that we run on load them: an unfolded
 * {@code long} that pieces of even length may be added to in any order. Numbers enter a sum through
 * {@link #word}.
 */
public final class Checksum {
  /** What a sum over data and its right checksum folds to. */
  public static final int VALID = 0xffff;

  private static final long LOW = 0xffff_ffffL;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Checksum() {}

  /** The unfolded sum of {@code length} bytes. */
  public static long sum(MemorySegment memory, long at, int length) {
    long even = 0;
    long odd = 0;
    int i = 0;
    for (; i <= length - 32; i += 32) {
      long a = memory.get(LONG, at + i);
      long b = memory.get(LONG, at + i + 8);
      long c = memory.get(LONG, at + i + 16);
      long d = memory.get(LONG, at + i + 24);
      even += (a & LOW) + (b & LOW) + (c & LOW) + (d & LOW);
      odd += (a >>> 32) + (b >>> 32) + (c >>> 32) + (d >>> 32);
    }
    for (; i <= length - 8; i += 8) {
      long a = memory.get(LONG, at + i);
      even += a & LOW;
      odd += a >>> 32;
    }
    return even + odd + sumTail(memory, at + i, length - i);
  }

  private static long sumTail(MemorySegment memory, long at, int length) {
    long sum = 0;
    int i = 0;
    if ((length & 4) != 0) {
      sum += memory.get(INT, at) & LOW;
      i = 4;
    }
    if ((length & 2) != 0) {
      sum += memory.get(SHORT, at + i) & 0xffff;
      i += 2;
    }
    return (length & 1) == 0 ? sum : sum + NetworkOrder.u8(memory, at + i);
  }

  /** Copies {@code length} bytes, which must not overlap, and returns their unfolded sum. */
  public static long copyAndSum(
      MemorySegment from, long fromAt, MemorySegment to, long toAt, int length) {
    long even = 0;
    long odd = 0;
    int i = 0;
    for (; i <= length - 32; i += 32) {
      long a = from.get(LONG, fromAt + i);
      long b = from.get(LONG, fromAt + i + 8);
      long c = from.get(LONG, fromAt + i + 16);
      long d = from.get(LONG, fromAt + i + 24);
      to.set(LONG, toAt + i, a);
      to.set(LONG, toAt + i + 8, b);
      to.set(LONG, toAt + i + 16, c);
      to.set(LONG, toAt + i + 24, d);
      even += (a & LOW) + (b & LOW) + (c & LOW) + (d & LOW);
      odd += (a >>> 32) + (b >>> 32) + (c >>> 32) + (d >>> 32);
    }
    for (; i <= length - 8; i += 8) {
      long a = from.get(LONG, fromAt + i);
      to.set(LONG, toAt + i, a);
      even += a & LOW;
      odd += a >>> 32;
    }
    for (int j = i; j < length; j++) {
      to.set(ValueLayout.JAVA_BYTE, toAt + j, from.get(ValueLayout.JAVA_BYTE, fromAt + j));
    }
    return even + odd + sumTail(from, fromAt + i, length - i);
  }

  /** A 16-bit number as it counts in a sum. */
  public static int word(int value) {
    return Short.toUnsignedInt(Short.reverseBytes((short) value));
  }

  /** A 32-bit number as it counts in a sum. */
  public static long doubleWord(int value) {
    return Integer.reverseBytes(value) & LOW;
  }

  /** What takes a 16-bit number out of a sum that holds it (RFC 1624). */
  public static int without(int value) {
    return ~word(value) & 0xffff;
  }

  /** Folds a sum to 16 bits. */
  public static int fold(long sum) {
    long folded = (sum >>> 32) + (sum & LOW);
    folded = (folded >>> 32) + (folded & LOW);
    folded = (folded >>> 16) + (folded & 0xffff);
    folded = (folded >>> 16) + (folded & 0xffff);
    return (int) ((folded >>> 16) + (folded & 0xffff));
  }

  /** The sum of an IPv4 pseudo header, its addresses taken from the IP header (RFC 9293, 3.1). */
  public static long pseudoHeader4(MemorySegment memory, long ip, int protocol, int length) {
    return sum(memory, ip + Header.V4_SOURCE, 8) + word(protocol) + word(length);
  }

  /** The sum of an IPv6 pseudo header, its addresses taken from the IP header (RFC 8200, 8.1). */
  public static long pseudoHeader6(MemorySegment memory, long ip, int protocol, int length) {
    return sum(memory, ip + Header.V6_SOURCE, 32)
        + word(protocol)
        + word(length >>> 16)
        + word(length);
  }

  /** The 16 bits at {@code at} as they count in a sum. */
  static int load(MemorySegment memory, long at) {
    return memory.get(SHORT, at) & 0xffff;
  }

  /** Writes a folded sum, not complemented: what {@code NEEDS_CSUM} expects of a pseudo header. */
  static void putPartial(MemorySegment memory, long at, long sum) {
    memory.set(SHORT, at, (short) fold(sum));
  }

  /** Completes a sum and writes the checksum. */
  static void put(MemorySegment memory, long at, long sum) {
    memory.set(SHORT, at, (short) ~fold(sum));
  }

  /** Completes a sum and writes UDP's checksum, where zero means none (RFC 768). */
  static void putUdp(MemorySegment memory, long at, long sum) {
    int checksum = ~fold(sum) & 0xffff;
    memory.set(SHORT, at, (short) (checksum == 0 ? 0xffff : checksum));
  }
}
