// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A raw socket of one family, through which whole IP packets leave as they are (raw(7): IPPROTO_RAW
 * brings IP_HDRINCL with it, and receives nothing). Belongs to one lane. Only {@link #mark} and
 * {@link #close} may be called by another thread, {@link #close} once the lane no longer uses it.
 */
public final class RawPort implements MarkedSocket, AutoCloseable {
  private static final int IPPROTO_RAW = 255;

  private final int fd;
  private boolean closed;
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment messages = arena.allocate((long) Train.MAX_PACKETS * MMSGHDR, 8);
  private final MemorySegment iovecs = arena.allocate((long) Train.MAX_PACKETS * IOVEC, 8);
  private final MemorySegment address = arena.allocate(SOCKADDR_ROOM, 8);

  private RawPort(int fd, IpFamily family) {
    this.fd = fd;
    for (int i = 0; i < Train.MAX_PACKETS; i++) {
      long message = (long) i * MMSGHDR;
      messages.set(LONG, message + MSG_NAME, address.address());
      messages.set(INT, message + MSG_NAMELEN, family.sockaddrLength());
      messages.set(LONG, message + MSG_IOV, iovecs.address() + (long) i * IOVEC);
      messages.set(LONG, message + MSG_IOVLEN, 1);
    }
    address.set(SHORT, 0, (short) family.number());
  }

  /**
   * Opens a socket whose packets carry {@code mark}.
   *
   * @throws ErrnoException EPERM without CAP_NET_RAW and CAP_NET_ADMIN, EAFNOSUPPORT if the kernel
   *     lacks the family
   */
  public static RawPort open(IpFamily family, int mark) throws ErrnoException {
    int type = LibC.SOCK_RAW | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    int fd =
        ErrnoException.check(
            "raw socket " + family, LIBC.socket(family.number(), type, IPPROTO_RAW));
    RawPort port = new RawPort(fd, family);
    try {
      port.mark(mark);
    } catch (ErrnoException e) {
      port.close();
      throw e;
    }
    return port;
  }

  @Override
  public synchronized void mark(int mark) throws ErrnoException {
    if (closed) {
      throw new ErrnoException("setsockopt SO_MARK", Errno.EBADF);
    }
    new SocketOptions(fd).set("SO_MARK", SOL_SOCKET, SocketOptions.SO_MARK, mark);
  }

  /**
   * Sends the IPv4 packets of a train with as few calls as possible, one if the kernel takes all.
   *
   * @param destination the destination in their headers, by which the kernel routes
   * @return how many packets the kernel took; a refused packet does not hold up the next ones
   */
  public int send4(Train train, int destination) {
    address.set(NET_INT, SOCKADDR_V4_ADDRESS, destination);
    return send(train);
  }

  /** Sends the IPv6 packets of a train, as {@link #send4} does for IPv4. */
  public int send6(Train train, long high, long low) {
    address.set(NET_LONG, SOCKADDR_V6_ADDRESS, high);
    address.set(NET_LONG, SOCKADDR_V6_ADDRESS + 8, low);
    return send(train);
  }

  private int send(Train train) {
    int count = train.packets();
    for (int i = 0; i < count; i++) {
      long iovec = (long) i * IOVEC;
      iovecs.set(LONG, iovec + IOV_BASE, train.memory().address() + train.inner(i));
      iovecs.set(LONG, iovec + IOV_LEN, train.length(i));
    }
    int sent = 0;
    for (int next = 0; next < count; ) {
      long message = messages.address() + (long) next * MMSGHDR;
      int taken = LIBC.sendmmsg(fd, message, count - next, LibC.MSG_DONTWAIT);
      if (taken > 0) {
        sent += taken;
        next += taken;
      } else if (Errno.last() != Errno.EINTR) {
        next++;
      }
    }
    return sent;
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      LIBC.close(fd);
    }
  }
}
