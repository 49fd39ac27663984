// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sockets of a gateway: one per family and lane. A family that the machine does not have is absent.
 *
 * @param <S> the kind of socket
 */
public final class PerLane<S extends MarkedSocket> implements AutoCloseable {
  private final List<S> v4 = new ArrayList<>();
  private final List<S> v6 = new ArrayList<>();

  private PerLane() {}

  /** Opens one socket. */
  @FunctionalInterface
  public interface Opener<S> {
    S open(IpFamily family, int lane) throws ErrnoException;
  }

  /**
   * Opens them all, or none; lane after lane for IPv4, then for IPv6.
   *
   * @param lanes sockets of each family
   */
  public static <S extends MarkedSocket> PerLane<S> open(int lanes, Opener<S> opener)
      throws ErrnoException {
    if (lanes < 1) {
      throw new IllegalArgumentException(lanes + " lanes");
    }
    PerLane<S> sockets = new PerLane<>();
    try {
      openFamily(IpFamily.V4, lanes, opener, sockets.v4);
      openFamily(IpFamily.V6, lanes, opener, sockets.v6);
      return sockets;
    } catch (ErrnoException | RuntimeException e) {
      sockets.close();
      throw e;
    }
  }

  private static <S> void openFamily(IpFamily family, int lanes, Opener<S> opener, List<S> into)
      throws ErrnoException {
    for (int lane = 0; lane < lanes; lane++) {
      try {
        into.add(opener.open(family, lane));
      } catch (ErrnoException e) {
        // EADDRNOTAVAIL: the family is compiled in, but switched off (disable_ipv6 for all).
        if (lane == 0 && (e.errno() == Errno.EAFNOSUPPORT || e.errno() == Errno.EADDRNOTAVAIL)) {
          return;
        }
        throw e;
      }
    }
  }

  /** A lane's socket, null if the machine does not have the family. */
  public @Nullable S of(int lane, IpFamily family) {
    List<S> sockets = family == IpFamily.V4 ? v4 : v6;
    return sockets.isEmpty() ? null : sockets.get(lane);
  }

  /** All of them. */
  public List<S> all() {
    return Stream.concat(v4.stream(), v6.stream()).toList();
  }

  /** Closes them all. Their lanes must not use them any more. */
  @Override
  public void close() {
    v4.forEach(MarkedSocket::close);
    v6.forEach(MarkedSocket::close);
  }
}
