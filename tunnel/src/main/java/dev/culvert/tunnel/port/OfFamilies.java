// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.util.List;

/** Descriptors of sockets, one per family and lane, in the order of the lanes. */
public record OfFamilies(List<Integer> v4, List<Integer> v6) {
  public static final OfFamilies NONE = new OfFamilies(List.of(), List.of());

  public OfFamilies {
    v4 = List.copyOf(v4);
    v6 = List.copyOf(v6);
  }

  /** The descriptors of open sockets, which stay theirs. */
  public static OfFamilies of(PerLane<? extends SocketPort> sockets) {
    return new OfFamilies(fds(sockets, IpFamily.V4), fds(sockets, IpFamily.V6));
  }

  private static List<Integer> fds(PerLane<? extends SocketPort> sockets, IpFamily family) {
    return sockets.all().stream()
        .filter(socket -> socket.family() == family)
        .map(SocketPort::fd)
        .toList();
  }

  public boolean isEmpty() {
    return v4.isEmpty() && v6.isEmpty();
  }

  public List<Integer> of(IpFamily family) {
    return family == IpFamily.V4 ? v4 : v6;
  }

  /** These, if each family has one per lane or none; otherwise they are closed. */
  public OfFamilies ofLanes(int lanes) {
    if ((v4.isEmpty() || v4.size() == lanes) && (v6.isEmpty() || v6.size() == lanes)) {
      return this;
    }
    v4.forEach(LIBC::close);
    v6.forEach(LIBC::close);
    return NONE;
  }
}
