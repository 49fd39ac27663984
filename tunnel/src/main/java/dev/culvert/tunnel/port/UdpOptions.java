// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

/**
 * The options of a UDP socket.
 *
 * @param bufferBytes wanted size in bytes of each of SO_RCVBUF and SO_SNDBUF; the kernel may give
 *     less
 * @param mark SO_MARK of sent packets, 0 for none
 * @param segmentation whether runs of datagrams may be handed to the kernel as one (UDP_SEGMENT),
 *     if it supports that
 * @param coalescing whether to take runs of datagrams from the kernel as one (UDP_GRO), if it
 *     supports that
 */
public record UdpOptions(int bufferBytes, int mark, boolean segmentation, boolean coalescing) {
  /** Every offload, 7 MiB of buffer each way, no mark. */
  public static final UdpOptions DEFAULT = new UdpOptions(7 << 20, 0, true, true);

  /** These options with the offloads that an operator does not switch off. */
  public UdpOptions wantedBy(OffloadModes modes) {
    return new UdpOptions(
        bufferBytes, mark, segmentation, coalescing && modes.wants(Offload.UDP_GRO));
  }

  public UdpOptions withMark(int newMark) {
    return new UdpOptions(bufferBytes, newMark, segmentation, coalescing);
  }
}
