// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

/** Offsets in the UDP header. */
public final class UdpHeader {
  public static final int SIZE = 8;
  public static final int LENGTH = 4;
  public static final int CHECKSUM = 6;

  private UdpHeader() {}
}
