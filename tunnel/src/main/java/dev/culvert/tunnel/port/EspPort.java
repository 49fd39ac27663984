// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.IpHeader;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;

/**
 * One raw socket of one family for ESP without UDP (IP protocol 50), for the trains of one lane.
 * Packets are sent and received one by one, since the kernel has no segmentation offload for raw
 * sockets.
 *
 * <p>The protocol has no ports. Received packets get the UDP port of ESP over UDP and of the keying
 * as their source port, which is the same at the peer, so that all three have one endpoint.
 */
public final class EspPort extends SocketPort {
  /** Offset of the last word of an IPv6 source. */
  private static final int V6_SOURCE_END = IpHeader.V6_SOURCE + 12;

  private final int port;

  private EspPort(int fd, IpFamily family, int port) {
    super(fd, family, false);
    this.port = port;
  }

  /**
   * Opens a socket on every local address.
   *
   * @param lane the socket's lane, of {@code lanes}: the kernel hands each packet to every raw
   *     socket, so each socket takes only its share of the sources
   * @param port the source port given to received packets, 1 to 65535
   * @throws ErrnoException EPERM without CAP_NET_RAW, EAFNOSUPPORT if the kernel lacks the family
   */
  public static EspPort open(IpFamily family, int lane, int lanes, int port, UdpOptions options)
      throws ErrnoException {
    int type = LibC.SOCK_RAW | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    int fd =
        ErrnoException.check(
            "raw socket " + family, LIBC.socket(family.number(), type, IpProtocol.ESP));
    try {
      SocketOptions socket = new SocketOptions(fd);
      if (lanes > 1) {
        takeOnly(fd, family, lane, lanes);
      }
      if (family == IpFamily.V4) {
        socket.set("IP_PKTINFO", SOL_IP, IP_PKTINFO, 1);
        socket.set("IP_RECVTOS", SOL_IP, IP_RECVTOS, 1);
      } else {
        socket.set("IPV6_RECVPKTINFO", SOL_IPV6, IPV6_RECVPKTINFO, 1);
        socket.set("IPV6_RECVTCLASS", SOL_IPV6, IPV6_RECVTCLASS, 1);
      }
      if (options.mark() != 0) {
        socket.set("SO_MARK", SOL_SOCKET, SocketOptions.SO_MARK, options.mark());
      }
      socket.bufferSize(options.bufferBytes());
      return new EspPort(fd, family, port);
    } catch (ErrnoException e) {
      LIBC.close(fd);
      throw e;
    }
  }

  /**
   * Takes over the socket of another process, which has opened it for the same lane.
   *
   * @param port the source port given to received packets, 1 to 65535
   */
  public static EspPort adopt(int fd, IpFamily family, int port) {
    return new EspPort(fd, family, port);
  }

  /**
   * Drops, in the kernel, packets that another lane's socket takes, by the last word of the source.
   */
  private static void takeOnly(int fd, IpFamily family, int lane, int lanes) throws ErrnoException {
    int source = family == IpFamily.V4 ? IpHeader.V4_SOURCE : V6_SOURCE_END;
    new SocketFilter()
        .add(SocketFilter.LOAD_WORD, SocketFilter.NETWORK_HEADER + source)
        .add(SocketFilter.MODULO, lanes)
        .add(SocketFilter.JUMP_EQUAL, 0, 1, lane)
        .add(SocketFilter.RETURN, SocketFilter.ALL)
        .add(SocketFilter.RETURN, 0)
        .attach(fd);
  }

  @Override
  public boolean coalescing() {
    return false;
  }

  @Override
  void parse(ReceiveBatch batch, int messages) {
    batch.receivedRaw(family(), messages, port);
  }

  @Override
  void prepare(SendBatch batch) {
    batch.withoutPorts();
  }
}
