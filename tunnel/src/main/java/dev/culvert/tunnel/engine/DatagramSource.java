// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/**
 * The sender of a datagram, and the interface that it came to. It can be forged, at any rate, so
 * the immutable value is only made once the datagram was authenticated or is kept.
 */
public interface DatagramSource {
  /** Whether the address is IPv4. */
  boolean v4();

  /**
   * The upper 64 bits of an IPv6 address, 0 for IPv4, as {@link
   * dev.culvert.routing.IpAddress#high}.
   */
  long high();

  /**
   * The lower 64 bits of an IPv6 address, or the IPv4 address, as {@link
   * dev.culvert.routing.IpAddress#low}.
   */
  long low();

  /** Index of the interface that the datagram came to, or 0. */
  int sourceInterface();

  /** The immutable value. For any thread that works on the datagram. */
  Endpoint endpoint();
}
