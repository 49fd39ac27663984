// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import java.lang.foreign.MemorySegment;

/** Takes packets for the TUN device, one call per packet or super-packet. */
@FunctionalInterface
public interface TunWriter {
  /**
   * Writes one packet. All memory is the caller's and may change once this returns.
   *
   * @param iovecs {@code struct iovec}s of {@code writev}, the virtio-net header first
   * @param count the number of iovecs
   * @param packets inner packets merged in it
   * @param bytes bytes in all, the virtio-net header included, as {@code writev} returns them
   */
  void write(MemorySegment iovecs, int count, int packets, int bytes);
}
