// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The raw sockets of a gateway that sends ESP without UDP: one per family and lane. A family that
 * the machine does not have is absent.
 */
public final class EspSockets implements AutoCloseable {
  private final List<EspPort> v4 = new ArrayList<>();
  private final List<EspPort> v6 = new ArrayList<>();

  private EspSockets() {}

  /**
   * Opens them all, or none.
   *
   * @param lanes sockets of each family
   * @param port the source port given to received packets, 1 to 65535
   */
  public static EspSockets open(int lanes, int port, UdpOptions options) throws ErrnoException {
    EspSockets sockets = new EspSockets();
    try {
      openFamily(IpFamily.V4, lanes, port, options, sockets.v4);
      openFamily(IpFamily.V6, lanes, port, options, sockets.v6);
      return sockets;
    } catch (ErrnoException | RuntimeException e) {
      sockets.close();
      throw e;
    }
  }

  private static void openFamily(
      IpFamily family, int lanes, int port, UdpOptions options, List<EspPort> into)
      throws ErrnoException {
    for (int lane = 0; lane < lanes; lane++) {
      try {
        into.add(EspPort.open(family, lane, lanes, port, options));
      } catch (ErrnoException e) {
        if (e.errno() == Errno.EAFNOSUPPORT) {
          return;
        }
        throw e;
      }
    }
  }

  /** A lane's socket for IPv4, null if the machine has no IPv4. */
  public @Nullable EspPort v4(int lane) {
    return v4.isEmpty() ? null : v4.get(lane);
  }

  /** A lane's socket for IPv6, null if the machine has no IPv6. */
  public @Nullable EspPort v6(int lane) {
    return v6.isEmpty() ? null : v6.get(lane);
  }

  /** All of them. */
  public List<EspPort> all() {
    return Stream.concat(v4.stream(), v6.stream()).toList();
  }

  /** Closes them all. Their lanes must not use them any more. */
  @Override
  public void close() {
    v4.forEach(EspPort::close);
    v6.forEach(EspPort::close);
  }
}
