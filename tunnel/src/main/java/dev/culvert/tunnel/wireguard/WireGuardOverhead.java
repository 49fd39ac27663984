// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Overhead;

/** WireGuard's framing: 16 bytes of header, padding to 16, 16 bytes of tag. */
public enum WireGuardOverhead implements Overhead {
  INSTANCE;

  @Override
  public int headroom() {
    return DataMessages.DATA_HEADER;
  }

  @Override
  public int sealedLength(int innerLength, int mtu) {
    return DataMessages.DATA_OVERHEAD + paddedLength(innerLength, mtu);
  }

  /** Padding counts for nothing, since it does not go beyond the MTU. */
  @Override
  public int longestInner(int room) {
    return room - DataMessages.DATA_OVERHEAD;
  }

  /** Padding hides lengths a little, but never makes a packet longer than the tunnel's MTU. */
  private static int paddedLength(int length, int mtu) {
    int padded = (length + DataMessages.PADDING_MULTIPLE - 1) & -DataMessages.PADDING_MULTIPLE;
    return Math.max(length, Math.min(padded, mtu));
  }
}
