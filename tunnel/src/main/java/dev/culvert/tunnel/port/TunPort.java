package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.lang.foreign.MemorySegment;

/**
 * One queue of a TUN device, for one lane. Every packet, either way, stands behind a virtio-net
 * header of {@link #HEADER_BYTES} bytes in host byte order.
 */
public final class TunPort {
  /** {@code struct virtio_net_hdr}. */
  public static final int HEADER_BYTES = 10;

  private final int fd;
  private int lastErrno;

  TunPort(int fd) {
    this.fd = fd;
  }

  /** The descriptor, to wait on; it stays the device's. */
  public int fd() {
    return fd;
  }

  /**
   * Reads one packet, or one super-packet, with its header.
   *
   * @param capacity bytes free from {@code offset}; a packet that is larger is cut
   * @return bytes read, 0 where nothing is there
   * @throws DeviceGoneException where the device was removed
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
   * Writes one packet, or one super-packet, gathered from {@code count} iovecs, the header first.
   *
   * @param iovecs {@code struct iovec[count]}, up to 1024
   * @return false where the kernel refused this packet; {@link #lastErrno} says why: EINVAL (a
   *     header that it does not believe), EIO (the interface is down), ENOBUFS, ENOMEM
   * @throws DeviceGoneException where the device was removed
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

  /** Why the latest refused {@link #write} was refused. */
  public int lastErrno() {
    return lastErrno;
  }

  /** EBADFD: the descriptor has no device any more. EBADF: it was closed. */
  static boolean isGone(int errno) {
    return errno == Errno.EBADFD || errno == Errno.EBADF;
  }
}
