// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.Overhead;

/** ESP's framing in tunnel mode: 16 bytes of header and IV, a trailer, a 16-byte ICV. */
public enum EspOverhead implements Overhead {
  INSTANCE;

  /** Bytes of the UDP header if ESP is encapsulated in UDP (RFC 3948). */
  public static final int UDP_HEADER = 8;

  @Override
  public int headroom() {
    return EspFraming.HEADER;
  }

  /** Ignores the tunnel's MTU, since padding to 4 bytes never makes a fitting packet too long. */
  @Override
  public int sealedLength(int innerLength, int mtu) {
    return EspFraming.OVERHEAD + EspFraming.paddedLength(innerLength);
  }

  @Override
  public boolean copiesTos() {
    return true;
  }

  /**
   * The largest inner packet that fits.
   *
   * @param linkMtu the underlay's MTU in bytes
   * @param outerHeader bytes of the outer IP header: 20 or 40
   * @param udpEncapsulated whether a UDP header follows that
   */
  public static int mtu(int linkMtu, int outerHeader, boolean udpEncapsulated) {
    int room = linkMtu - outerHeader - (udpEncapsulated ? UDP_HEADER : 0) - EspFraming.OVERHEAD;
    return (room & -EspFraming.ALIGNMENT) - EspFraming.TRAILER;
  }
}
