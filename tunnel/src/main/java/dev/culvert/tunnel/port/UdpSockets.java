// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.List;

/**
 * The UDP sockets of a gateway, all on one port.
 *
 * @param port the port that all of them are bound to
 */
public record UdpSockets(int port, PerLane<UdpPort> sockets) implements AutoCloseable {
  /** Ports to try if the kernel's choice for one family is taken in the other. */
  private static final int ATTEMPTS = 16;

  /**
   * Binds them all, or none.
   *
   * @param lanes sockets of each family
   * @param port 0 to 65535; 0 lets the kernel choose one that is free in both families
   * @throws ErrnoException EADDRINUSE if the port is taken in either family
   */
  public static UdpSockets open(int lanes, int port, UdpOptions options) throws ErrnoException {
    return open(lanes, port, options, OfFamilies.NONE);
  }

  /**
   * Takes over sockets of another process, and binds those that it did not have.
   *
   * @param port of {@code inherited}, if there are any
   * @param inherited those that no lane needs are closed
   */
  public static UdpSockets open(int lanes, int port, UdpOptions options, OfFamilies inherited)
      throws ErrnoException {
    for (int attempt = 1; ; attempt++) {
      Binder binder = new Binder(lanes, port, options, inherited);
      try {
        PerLane<UdpPort> sockets = PerLane.open(lanes, binder::bind);
        if (sockets.all().isEmpty()) {
          throw new ErrnoException("UDP socket", Errno.EAFNOSUPPORT);
        }
        binder.closeSurplus();
        return new UdpSockets(binder.port, sockets);
      } catch (ErrnoException e) {
        if (port != 0 || e.errno() != Errno.EADDRINUSE || attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /** Binds one socket after another to the port of the first. */
  private static final class Binder {
    private final int lanes;
    private final UdpOptions options;
    private final OfFamilies inherited;
    private int port;

    Binder(int lanes, int port, UdpOptions options, OfFamilies inherited) {
      this.lanes = lanes;
      this.port = port;
      this.options = options;
      this.inherited = inherited;
    }

    /**
     * The first socket of a family binds without SO_REUSEPORT, and sets it once bound: so a port
     * that another process holds is an error even if that process would share it, and at no moment
     * is the port free.
     */
    UdpPort bind(IpFamily family, int lane) throws ErrnoException {
      List<Integer> there = inherited.of(family);
      UdpPort socket =
          lane < there.size()
              ? UdpPort.adopt(there.get(lane), family, options)
              : UdpPort.bind(family, port, lane > 0, options);
      port = socket.port();
      if (lane == 0 && lanes > 1) {
        try {
          socket.shareFromNowOn();
        } catch (ErrnoException e) {
          socket.close();
          throw e;
        }
      }
      return socket;
    }

    /** Closes inherited sockets beyond the number of lanes; their waiting packets are lost. */
    void closeSurplus() {
      for (IpFamily family : IpFamily.values()) {
        inherited.of(family).stream().skip(lanes).forEach(LIBC::close);
      }
    }
  }

  @Override
  public void close() {
    sockets.close();
  }
}
