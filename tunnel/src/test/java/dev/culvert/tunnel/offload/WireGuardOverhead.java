// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.tunnel.engine.Overhead;

/** 16 bytes in front, 16 behind, padding to 16 that does not go beyond the MTU. */
final class WireGuardOverhead implements Overhead {
  @Override
  public int headroom() {
    return 16;
  }

  @Override
  public int sealedLength(int innerLength, int mtu) {
    return 32 + Math.max(innerLength, Math.min(mtu, (innerLength + 15) / 16 * 16));
  }
}
