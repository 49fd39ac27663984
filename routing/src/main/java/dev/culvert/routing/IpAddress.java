// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * An IPv4 or IPv6 address as a value. An IPv4 address keeps its 32 bits in the low half of {@code
 * low}; IPv4-mapped IPv6 addresses are made IPv4 when they are read from bytes, so that one host
 * has one value.
 *
 * @param v4 whether this is IPv4
 * @param high the upper 64 bits of an IPv6 address, 0 for IPv4
 * @param low the lower 64 bits of an IPv6 address, or the 32 bits of an IPv4 address
 */
public record IpAddress(boolean v4, long high, long low) implements Comparable<IpAddress> {
  private static final long MAPPED_PREFIX = 0xffffL;

  public IpAddress {
    if (v4 && (high != 0 || low >>> 32 != 0)) {
      throw new IllegalArgumentException("more than 32 bits in an IPv4 address");
    }
  }

  public static IpAddress ofV4(int bits) {
    return new IpAddress(true, 0, bits & 0xffff_ffffL);
  }

  /** An IPv6 address, or the IPv4 address that it maps. */
  public static IpAddress ofV6(long high, long low) {
    return high == 0 && low >>> 32 == MAPPED_PREFIX
        ? ofV4((int) low)
        : new IpAddress(false, high, low);
  }

  /** Reads 4 or 16 bytes in network order. */
  public static IpAddress ofBytes(byte[] bytes) {
    return switch (bytes.length) {
      case 4 -> ofV4((int) bigEndian(bytes, 0, 4));
      case 16 -> ofV6(bigEndian(bytes, 0, 8), bigEndian(bytes, 8, 8));
      default -> throw new IllegalArgumentException(bytes.length + " bytes are no IP address");
    };
  }

  /**
   * Parses a numeric address; never asks a name service.
   *
   * @throws IllegalArgumentException if {@code text} is not one
   */
  public static IpAddress parse(String text) {
    if (text.indexOf(':') < 0) {
      return parseV4(text);
    }
    // The JDK also takes brackets and a scope, which are no part of an address.
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '.' && c != ':' && Character.digit(c, 16) < 0) {
        throw new IllegalArgumentException("not an IP address: " + text);
      }
    }
    try {
      return ofBytes(InetAddress.ofLiteral(text).getAddress());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("not an IP address: " + text, e);
    }
  }

  private static IpAddress parseV4(String text) {
    int bits = 0;
    int from = 0;
    for (int part = 0; part < 4; part++) {
      int to = part < 3 ? text.indexOf('.', from) : text.length();
      int octet = smallNumber(text, from, to);
      boolean zeroLeads = to - from > 1 && text.charAt(from) == '0';
      if (octet < 0 || octet > 255 || zeroLeads) {
        throw new IllegalArgumentException("not an IP address: " + text);
      }
      bits = bits << 8 | octet;
      from = to + 1;
    }
    return ofV4(bits);
  }

  /**
   * The number that one to three decimal digits of {@code text} make, or -1 if the text between
   * {@code from} and {@code to} is none. Allocates nothing, since a device can have hundreds of
   * thousands of ranges.
   */
  static int smallNumber(String text, int from, int to) {
    if (to <= from || to - from > 3) {
      return -1;
    }
    int number = 0;
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        return -1;
      }
      number = 10 * number + (c - '0');
    }
    return number;
  }

  /** 4 or 16 bytes in network order. */
  public byte[] toBytes() {
    byte[] bytes = new byte[v4 ? 4 : 16];
    for (int i = 0; i < bytes.length; i++) {
      int shift = 8 * (bytes.length - 1 - i);
      bytes[i] = (byte) (shift >= 64 ? high >>> (shift - 64) : low >>> shift);
    }
    return bytes;
  }

  /** Bits in an address of this family: 32 or 128. */
  public int bitLength() {
    return v4 ? 32 : 128;
  }

  /** Whether this is in fe80::/10, in which an address needs a scope. */
  public boolean isLinkLocalV6() {
    return !v4 && high >>> 54 == 0xfe80 >>> 6;
  }

  @Override
  public int compareTo(IpAddress other) {
    if (v4 != other.v4) {
      return v4 ? -1 : 1;
    }
    int byHigh = Long.compareUnsigned(high, other.high);
    return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
  }

  /** The canonical text of RFC 5952. */
  @Override
  public String toString() {
    if (v4) {
      return (low >>> 24) + "." + (low >>> 16 & 255) + "." + (low >>> 8 & 255) + "." + (low & 255);
    }
    return compress();
  }

  private String compress() {
    int bestStart = -1;
    int bestLength = 1;
    for (int i = 0; i < 8; i++) {
      int j = i;
      while (j < 8 && group(j) == 0) {
        j++;
      }
      if (j - i > bestLength) {
        bestStart = i;
        bestLength = j - i;
      }
      i = Math.max(i, j - 1);
    }
    StringBuilder text = new StringBuilder(39);
    for (int i = 0; i < 8; i++) {
      if (i == bestStart) {
        text.append("::");
        i += bestLength - 1;
      } else {
        if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
          text.append(':');
        }
        text.append(Integer.toHexString(group(i)));
      }
    }
    return text.toString();
  }

  private int group(int i) {
    return (int) ((i < 4 ? high >>> (48 - 16 * i) : low >>> (112 - 16 * i)) & 0xffff);
  }

  private static long bigEndian(byte[] bytes, int from, int count) {
    long value = 0;
    for (int i = 0; i < count; i++) {
      value = (value << 8) | (bytes[from + i] & 0xff);
    }
    return value;
  }

  /** This address as the JDK's type. */
  public InetAddress toInetAddress() {
    try {
      return InetAddress.getByAddress(toBytes());
    } catch (UnknownHostException e) {
      throw new AssertionError("4 or 16 bytes are always an address", e);
    }
  }
}
