// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

/**
 * The limits of a tunnel's MTU, and the room that a link leaves for a sealed packet, in bytes. The
 * engine's overhead says which inner packet fits into that room.
 */
public final class TunnelMtu {
  /** Every IPv4 host takes packets of this size (RFC 791 section 3.1). */
  public static final int SMALLEST = 576;

  public static final int LARGEST = 65_535;

  /** Below this MTU the kernel silently disables IPv6 on a device (RFC 8200 section 5). */
  public static final int SMALLEST_FOR_IPV6 = 1280;

  /** The MTU of an Ethernet link, taken while the real one is not known. */
  public static final int USUAL_LINK = 1500;

  private static final int UDP_HEADER = 8;

  private TunnelMtu() {}

  public static boolean isValid(int mtu) {
    return mtu >= SMALLEST && mtu <= LARGEST;
  }

  /** The room that is left by the outer IP header, and by the UDP header if there is one. */
  public static int room(int linkMtu, boolean outerV4, boolean inUdp) {
    return linkMtu - (outerV4 ? 20 : 40) - (inUdp ? UDP_HEADER : 0);
  }
}
