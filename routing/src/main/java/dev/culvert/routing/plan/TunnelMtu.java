// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

/** The largest inner packet that fits a link, in bytes. */
public final class TunnelMtu {
  /** Below this MTU the kernel silently disables IPv6 on a device (RFC 8200 section 5). */
  public static final int SMALLEST_FOR_IPV6 = 1280;

  private static final int UDP_HEADER = 8;

  /** Message header and tag of WireGuard's transport data. */
  private static final int WIREGUARD = 16 + 16;

  /** SPI, sequence number, IV and ICV of ESP with AES-GCM-16 (RFC 4106). */
  private static final int ESP = 8 + 8 + 16;

  /** Pad length and next header. */
  private static final int ESP_TRAILER = 2;

  private TunnelMtu() {}

  private static int outerHeader(boolean outerV4) {
    return outerV4 ? 20 : 40;
  }

  /** The largest inner packet for WireGuard. Padded packets never exceed it. */
  public static int wireGuard(int linkMtu, boolean outerV4) {
    return linkMtu - outerHeader(outerV4) - UDP_HEADER - WIREGUARD;
  }

  /** The largest inner packet for ESP in tunnel mode, which pads to four bytes. */
  public static int esp(int linkMtu, boolean outerV4, boolean inUdp) {
    int payload = linkMtu - outerHeader(outerV4) - (inUdp ? UDP_HEADER : 0) - ESP;
    return (payload & ~3) - ESP_TRAILER;
  }
}
