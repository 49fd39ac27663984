// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

/**
 * An address range in CIDR form. Host bits are cleared, as in {@code wg}.
 *
 * @param address the first address of the range
 * @param length the number of fixed bits, 0 to 32 (IPv4) or 128 (IPv6)
 */
public record Prefix(IpAddress address, int length) implements Comparable<Prefix> {
  public Prefix {
    if (length < 0 || length > address.bitLength()) {
      throw new IllegalArgumentException("prefix length " + length + " does not fit " + address);
    }
    address = masked(address, length);
  }

  /** The range that holds just this address. */
  public static Prefix host(IpAddress address) {
    return new Prefix(address, address.bitLength());
  }

  /**
   * Parses {@code ADDRESS/LENGTH}, or {@code ADDRESS} for a single host.
   *
   * @throws IllegalArgumentException if {@code text} is neither
   */
  public static Prefix parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      return host(IpAddress.parse(text));
    }
    IpAddress address = IpAddress.parse(text.substring(0, slash));
    int length = IpAddress.smallNumber(text, slash + 1, text.length());
    if (length < 0) {
      throw new IllegalArgumentException("not a prefix length: " + text.substring(slash + 1));
    }
    return new Prefix(address, length);
  }

  public boolean contains(IpAddress other) {
    return other.v4() == address.v4() && masked(other, length).equals(address);
  }

  /** Whether every address of {@code other} is in this range. */
  public boolean contains(Prefix other) {
    return other.length >= length && contains(other.address);
  }

  /** The first half of a range of more than one address. */
  Prefix lowerHalf() {
    return new Prefix(address, length + 1);
  }

  /** The second half of a range of more than one address. */
  Prefix upperHalf() {
    int bit = address.bitLength() - 1 - length;
    IpAddress first =
        bit >= 64
            ? new IpAddress(false, address.high() | 1L << (bit - 64), address.low())
            : new IpAddress(address.v4(), address.high(), address.low() | 1L << bit);
    return new Prefix(first, length + 1);
  }

  private static IpAddress masked(IpAddress address, int length) {
    if (address.v4()) {
      return new IpAddress(true, 0, length == 0 ? 0 : address.low() & -1L << (32 - length));
    }
    long high =
        length >= 64 ? address.high() : length == 0 ? 0 : address.high() & -1L << (64 - length);
    long low = length <= 64 ? 0 : address.low() & -1L << (128 - length);
    return new IpAddress(false, high, low);
  }

  @Override
  public int compareTo(Prefix other) {
    int byAddress = address.compareTo(other.address);
    return byAddress != 0 ? byAddress : Integer.compare(length, other.length);
  }

  @Override
  public String toString() {
    return address + "/" + length;
  }
}
