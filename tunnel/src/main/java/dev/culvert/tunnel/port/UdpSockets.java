// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The UDP sockets of a gateway: one per family and lane, all on one port. A family that the machine
 * does not have is absent.
 */
public final class UdpSockets implements AutoCloseable {
  /** Ports to try if the kernel's choice for one family is taken in the other. */
  private static final int ATTEMPTS = 16;

  private final int port;
  private final List<UdpPort> v4;
  private final List<UdpPort> v6;

  private UdpSockets(int port, List<UdpPort> v4, List<UdpPort> v6) {
    this.port = port;
    this.v4 = List.copyOf(v4);
    this.v6 = List.copyOf(v6);
  }

  /**
   * Binds them all, or none.
   *
   * <p>The first socket of a family binds without SO_REUSEPORT, and sets it once bound: so a port
   * that another process holds is an error even if that process would share it, and at no moment is
   * the port free.
   *
   * @param lanes sockets of each family
   * @param port 0 to 65535; 0 lets the kernel choose one that is free in both families
   * @throws ErrnoException EADDRINUSE if the port is taken in either family
   */
  public static UdpSockets open(int lanes, int port, UdpOptions options) throws ErrnoException {
    if (lanes < 1) {
      throw new IllegalArgumentException(lanes + " lanes");
    }
    for (int attempt = 1; ; attempt++) {
      List<UdpPort> v4 = new ArrayList<>();
      List<UdpPort> v6 = new ArrayList<>();
      try {
        int bound = bindFamily(IpFamily.V4, lanes, port, options, v4);
        int boundV6 = bindFamily(IpFamily.V6, lanes, bound, options, v6);
        if (v4.isEmpty() && v6.isEmpty()) {
          throw new ErrnoException("UDP socket", Errno.EAFNOSUPPORT);
        }
        return new UdpSockets(v4.isEmpty() ? boundV6 : bound, v4, v6);
      } catch (ErrnoException | RuntimeException e) {
        v4.forEach(UdpPort::close);
        v6.forEach(UdpPort::close);
        boolean unlucky = e instanceof ErrnoException x && x.errno() == Errno.EADDRINUSE;
        if (port != 0 || !unlucky || attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /** Returns the bound port, or {@code port} itself if the family is absent. */
  private static int bindFamily(
      IpFamily family, int lanes, int port, UdpOptions options, List<UdpPort> into)
      throws ErrnoException {
    UdpPort first;
    try {
      first = UdpPort.bind(family, port, false, options);
    } catch (ErrnoException e) {
      // EADDRNOTAVAIL: the family is compiled in, but switched off (disable_ipv6 for all).
      if (e.errno() == Errno.EAFNOSUPPORT || e.errno() == Errno.EADDRNOTAVAIL) {
        return port;
      }
      throw e;
    }
    into.add(first);
    if (lanes > 1) {
      first.shareFromNowOn();
    }
    for (int i = 1; i < lanes; i++) {
      into.add(UdpPort.bind(family, first.port(), true, options));
    }
    return first.port();
  }

  /** The port that all of them are bound to. */
  public int port() {
    return port;
  }

  /** A lane's socket for IPv4, null if the machine has no IPv4. */
  public @Nullable UdpPort v4(int lane) {
    return v4.isEmpty() ? null : v4.get(lane);
  }

  /** A lane's socket for IPv6, null if the machine has no IPv6. */
  public @Nullable UdpPort v6(int lane) {
    return v6.isEmpty() ? null : v6.get(lane);
  }

  /** All of them. */
  public List<UdpPort> all() {
    return Stream.concat(v4.stream(), v6.stream()).toList();
  }

  /** Closes them all. Their lanes must not use them any more. */
  @Override
  public void close() {
    v4.forEach(UdpPort::close);
    v6.forEach(UdpPort::close);
  }
}
