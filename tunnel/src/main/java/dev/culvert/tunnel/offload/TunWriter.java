package dev.culvert.tunnel.offload;

import java.lang.foreign.MemorySegment;

/** Takes what goes to the TUN device, one call a packet or super-packet. */
@FunctionalInterface
public interface TunWriter {
  /**
   * Writes one packet. All memory is the caller's and may change once this returns.
   *
   * @param iovecs {@code struct iovec}s of {@code writev}, the virtio-net header first
   * @param count how many
   * @param packets inner packets that it was made of
   * @param bytes bytes in all, the virtio-net header included: what {@code writev} returns
   */
  void write(MemorySegment iovecs, int count, int packets, int bytes);
}
