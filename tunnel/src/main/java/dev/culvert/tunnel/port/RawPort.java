package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A raw socket of one family, through which whole IP packets leave as they are (raw(7): IPPROTO_RAW
 * brings IP_HDRINCL with it, and receives nothing). Belongs to one lane; only {@link #mark} and
 * {@link #close} may be called by another thread, the latter once the lane is done with it.
 */
public final class RawPort implements MarkedSocket, AutoCloseable {
  private static final int IPPROTO_RAW = 255;

  private final int fd;
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment message = arena.allocate(MMSGHDR, 8);
  private final MemorySegment iovec = arena.allocate(IOVEC, 8);
  private final MemorySegment address = arena.allocate(SOCKADDR_ROOM, 8);

  private RawPort(int fd, IpFamily family) {
    this.fd = fd;
    message.set(LONG, MSG_NAME, address.address());
    message.set(INT, MSG_NAMELEN, family.sockaddrLength());
    message.set(LONG, MSG_IOV, iovec.address());
    message.set(LONG, MSG_IOVLEN, 1);
    address.set(SHORT, 0, (short) family.number());
  }

  /**
   * Opens a socket whose packets carry {@code mark}.
   *
   * @throws ErrnoException EPERM without CAP_NET_RAW and CAP_NET_ADMIN, EAFNOSUPPORT where the
   *     kernel has no such family
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
  public void mark(int mark) throws ErrnoException {
    new SocketOptions(fd).set("SO_MARK", SOL_SOCKET, SocketOptions.SO_MARK, mark);
  }

  /**
   * Sends one IPv4 packet.
   *
   * @param destination as in its header; the kernel routes by this
   * @return 0, or the errno why the kernel did not take it
   */
  public int send4(MemorySegment memory, long at, int length, int destination) {
    address.set(NET_INT, SOCKADDR_V4_ADDRESS, destination);
    return send(memory, at, length);
  }

  /** As {@link #send4}, for IPv6. */
  public int send6(MemorySegment memory, long at, int length, long high, long low) {
    address.set(NET_LONG, SOCKADDR_V6_ADDRESS, high);
    address.set(NET_LONG, SOCKADDR_V6_ADDRESS + 8, low);
    return send(memory, at, length);
  }

  private int send(MemorySegment memory, long at, int length) {
    iovec.set(LONG, IOV_BASE, memory.address() + at);
    iovec.set(LONG, IOV_LEN, length);
    while (LIBC.sendmsg(fd, message.address(), LibC.MSG_DONTWAIT) < 0) {
      int errno = Errno.last();
      if (errno != Errno.EINTR) {
        return errno;
      }
    }
    return 0;
  }

  @Override
  public void close() {
    LIBC.close(fd);
  }
}
