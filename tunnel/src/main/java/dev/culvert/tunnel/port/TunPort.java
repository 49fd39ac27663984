// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One queue of a TUN device, for one lane. Every packet, either way, stands behind a virtio-net
 * header of {@link #HEADER_BYTES} bytes in host byte order.
 */
public final class TunPort {
  /** {@code struct virtio_net_hdr}. */
  public static final int HEADER_BYTES = 10;

  private static final int DISCARDED_BYTES = 64;

  private final int fd;
  private int lastErrno;

  TunPort(int fd) {
    this.fd = fd;
  }

  /** The descriptor, for waiting only; the device closes it. */
  public int fd() {
    return fd;
  }

  /**
   * Reads one packet, or one super-packet, with its header.
   *
   * @param capacity bytes free from {@code offset}; a larger packet is truncated
   * @return bytes read, 0 if there is no packet
   * @throws DeviceGoneException if the device was removed
   */
  public int read(MemorySegment buffer, long offset, int capacity) throws ErrnoException {
    long bytes = LIBC.read(fd, buffer.address() + offset, capacity);
    if (bytes >= 0) {
      return (int) bytes;
    }
    int errno = Errno.last();
    if (errno == Errno.EAGAIN || errno == Errno.EINTR) {
      return 0;
    }
    throw isGone(errno)
        ? new DeviceGoneException("read TUN", errno)
        : new ErrnoException("read TUN", errno);
  }

  /**
   * Drops the packets that wait here.
   *
   * @param atMost the end of it, since packets may arrive meanwhile
   * @return how many there were
   * @throws DeviceGoneException if the device was removed
   */
  public int discard(int atMost) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      // The kernel truncates a packet to the room for it.
      MemorySegment room = arena.allocate(DISCARDED_BYTES);
      int count = 0;
      while (count < atMost && read(room, 0, DISCARDED_BYTES) > 0) {
        count++;
      }
      return count;
    }
  }

  /**
   * Writes one packet, or one super-packet, gathered from {@code count} iovecs, the header first.
   *
   * @param iovecs {@code struct iovec[count]}, up to 1024
   * @return false if the kernel refused this packet; {@link #lastErrno} is the reason: EINVAL (a
   *     header that it does not believe), EIO (the interface is down), ENOBUFS, ENOMEM
   * @throws DeviceGoneException if the device was removed
   */
  public boolean write(MemorySegment iovecs, int count) throws ErrnoException {
    while (LIBC.writev(fd, iovecs.address(), count) < 0) {
      int errno = Errno.last();
      if (errno == Errno.EINTR) {
        continue;
      }
      if (isGone(errno)) {
        throw new DeviceGoneException("write TUN", errno);
      }
      lastErrno = errno;
      return false;
    }
    return true;
  }

  /** The errno of the latest refused {@link #write}. */
  public int lastErrno() {
    return lastErrno;
  }

  /** EBADFD: the descriptor no longer has a device. EBADF: it was closed. */
  static boolean isGone(int errno) {
    return errno == Errno.EBADFD || errno == Errno.EBADF;
  }
}
