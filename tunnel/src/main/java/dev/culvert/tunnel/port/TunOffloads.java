// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

/**
 * The kinds of packets that a TUN device hands over and takes without segmenting or checksumming
 * them.
 *
 * @param checksum packets whose transport checksum is still to be completed
 * @param tso TCP super-packets, IPv4 and IPv6
 * @param uso UDP super-packets, IPv4 and IPv6 (Linux 6.2 and later)
 */
public record TunOffloads(boolean checksum, boolean tso, boolean uso) {
  static final TunOffloads ALL = new TunOffloads(true, true, true);

  private static final int TUN_F_CSUM = 0x01;
  private static final int TUN_F_TSO4 = 0x02;
  private static final int TUN_F_TSO6 = 0x04;
  private static final int TUN_F_USO4 = 0x20;
  private static final int TUN_F_USO6 = 0x40;

  /** Those of them that an operator does not switch off. */
  TunOffloads wantedBy(OffloadModes modes) {
    return new TunOffloads(
        checksum, tso && modes.wants(Offload.TUN_TSO), uso && modes.wants(Offload.TUN_USO));
  }

  /**
   * The argument of TUNSETOFFLOAD. TUN_F_TSO_ECN is never in it: the kernel itself then segments
   * the rare super-packet that carries CWR, which belongs to the first segment alone.
   */
  int flags() {
    return (checksum ? TUN_F_CSUM : 0)
        | (tso ? TUN_F_TSO4 | TUN_F_TSO6 : 0)
        | (uso ? TUN_F_USO4 | TUN_F_USO6 : 0);
  }
}
