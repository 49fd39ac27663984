// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.Overhead;

/** ESP's framing in tunnel mode: 16 bytes of header and IV, a trailer, a 16-byte ICV. */
public enum EspOverhead implements Overhead {
  INSTANCE;

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
  public int longestInner(int room) {
    return ((room - EspFraming.OVERHEAD) & -EspFraming.ALIGNMENT) - EspFraming.TRAILER;
  }

  @Override
  public boolean copiesTos() {
    return true;
  }
}
