// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One UDP socket of one family, for the trains of one lane.
 *
 * <p>IP_MTU_DISCOVER keeps the kernel's default unless an engine sets DF: a datagram above the
 * path's MTU is fragmented, never refused, as in WireGuard. IP_RECVERR is not set, so that ICMP
 * errors, which can be forged, do not make send calls fail.
 */
public final class UdpPort extends SocketPort {
  private final int port;
  private final boolean coalescing;

  private UdpPort(int fd, IpFamily family, int port, boolean coalescing, boolean segmentation) {
    super(fd, family, segmentation);
    this.port = port;
    this.coalescing = coalescing;
  }

  /**
   * Opens a socket on every local address.
   *
   * @param port 0 to 65535; 0 lets the kernel choose
   * @param reusePort whether other sockets of this user with this option may share the port
   * @throws ErrnoException EADDRINUSE if the port is taken, EAFNOSUPPORT if the kernel lacks the
   *     family, EPERM if a mark is not allowed
   */
  public static UdpPort bind(IpFamily family, int port, boolean reusePort, UdpOptions options)
      throws ErrnoException {
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port " + port);
    }
    int type = LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    int fd = ErrnoException.check("UDP socket " + family, LIBC.socket(family.number(), type, 0));
    try {
      SocketOptions socket = new SocketOptions(fd);
      if (reusePort) {
        socket.set("SO_REUSEPORT", SOL_SOCKET, SocketOptions.SO_REUSEPORT, 1);
      }
      if (family == IpFamily.V4) {
        socket.set("IP_PKTINFO", SOL_IP, IP_PKTINFO, 1);
        socket.set("IP_RECVTOS", SOL_IP, IP_RECVTOS, 1);
      } else {
        socket.set("IPV6_V6ONLY", SOL_IPV6, IPV6_V6ONLY, 1);
        socket.set("IPV6_RECVPKTINFO", SOL_IPV6, IPV6_RECVPKTINFO, 1);
        socket.set("IPV6_RECVTCLASS", SOL_IPV6, IPV6_RECVTCLASS, 1);
      }
      if (options.mark() != 0) {
        socket.set("SO_MARK", SOL_SOCKET, SocketOptions.SO_MARK, options.mark());
      }
      socket.bufferSize(options.bufferBytes());
      boolean coalescing = options.coalescing() && socket.trySet(SOL_UDP, UDP_GRO, 1);
      boolean segmentation = options.segmentation() && socket.get(SOL_UDP, UDP_SEGMENT) >= 0;
      int bound = bindAny(fd, family, port);
      return new UdpPort(fd, family, bound, coalescing, segmentation);
    } catch (ErrnoException e) {
      LIBC.close(fd);
      throw e;
    }
  }

  /**
   * Takes over a bound socket that another process has opened by {@link #bind}.
   *
   * @throws ErrnoException if {@code fd} is no such socket; it stays open
   */
  public static UdpPort adopt(int fd, IpFamily family, UdpOptions options) throws ErrnoException {
    SocketOptions socket = new SocketOptions(fd);
    boolean coalescing = socket.trySet(SOL_UDP, UDP_GRO, options.coalescing() ? 1 : 0);
    boolean segmentation = options.segmentation() && socket.get(SOL_UDP, UDP_SEGMENT) >= 0;
    return new UdpPort(fd, family, portOf(fd), coalescing && options.coalescing(), segmentation);
  }

  private static int bindAny(int fd, IpFamily family, int port) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(SOCKADDR_ROOM, 8);
      address.set(SHORT, 0, (short) family.number());
      address.set(NET_SHORT, SOCKADDR_PORT, (short) port);
      ErrnoException.check(
          "bind UDP " + family + " port " + port,
          LIBC.bind(fd, address.address(), family.sockaddrLength()));
    }
    return portOf(fd);
  }

  /** The mark of a socket's packets. */
  public static int markOf(int fd) {
    return new SocketOptions(fd).get(SOL_SOCKET, SocketOptions.SO_MARK);
  }

  /** The port that a socket of UDP is bound to. */
  public static int portOf(int fd) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(SOCKADDR_ROOM, 8);
      MemorySegment length = arena.allocate(4, 4);
      length.set(INT, 0, SOCKADDR_ROOM);
      ErrnoException.check(
          "getsockname", LIBC.getsockname(fd, address.address(), length.address()));
      return address.get(NET_SHORT, SOCKADDR_PORT) & 0xffff;
    }
  }

  /** The port that is bound. */
  public int port() {
    return port;
  }

  /** Whether the kernel hands over runs of datagrams as one message (UDP_GRO). */
  @Override
  public boolean coalescing() {
    return coalescing;
  }

  /** From now on, lets sockets with SO_REUSEPORT share the port. */
  void shareFromNowOn() throws ErrnoException {
    new SocketOptions(fd()).set("SO_REUSEPORT", SOL_SOCKET, SocketOptions.SO_REUSEPORT, 1);
  }
}
