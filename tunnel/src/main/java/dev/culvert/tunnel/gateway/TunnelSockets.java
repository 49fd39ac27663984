// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.port.EspPort;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.MarkedSocket;
import dev.culvert.tunnel.port.OfFamilies;
import dev.culvert.tunnel.port.PerLane;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import dev.culvert.tunnel.port.UdpSockets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of one gateway, used and replaced together.
 *
 * @param udp the UDP sockets, always present: with raw ESP they carry the keying's messages, and
 *     binding their port shows that no other process uses it
 * @param esp the raw sockets for sealed packets, or null if those go through UDP
 * @param mark that they were opened with
 */
record TunnelSockets(UdpSockets udp, @Nullable PerLane<EspPort> esp, int mark)
    implements AutoCloseable {
  /**
   * Opens the sockets. If that fails, inherited descriptors may be closed or not.
   *
   * @param options of the UDP sockets
   * @param inherited used as far as they serve, and closed otherwise
   */
  static TunnelSockets open(
      Encapsulation encapsulation, int lanes, int port, UdpOptions options, Descriptors inherited)
      throws ErrnoException {
    UdpSockets udp = UdpSockets.open(lanes, port, options, inherited.udp());
    try {
      return new TunnelSockets(
          udp,
          encapsulation == Encapsulation.RAW
              ? raw(lanes, udp.port(), options, inherited.esp())
              : null,
          options.mark());
    } catch (ErrnoException | RuntimeException e) {
      udp.close();
      throw e;
    }
  }

  /** Each raw socket filters for its own lane, so they serve only if the number is the same. */
  private static PerLane<EspPort> raw(int lanes, int port, UdpOptions options, OfFamilies inherited)
      throws ErrnoException {
    OfFamilies fitting = inherited.ofLanes(lanes);
    return PerLane.open(
        lanes,
        (family, lane) ->
            fitting.of(family).isEmpty()
                ? EspPort.open(family, lane, lanes, port, options)
                : EspPort.adopt(fitting.of(family).get(lane), family, port));
  }

  /** The descriptors of the TUN queues and of all sockets. */
  Descriptors descriptors(List<Integer> queues) {
    return new Descriptors(
        queues, OfFamilies.of(udp.sockets()), esp == null ? OfFamilies.NONE : OfFamilies.of(esp));
  }

  int port() {
    return udp.port();
  }

  @Nullable UdpPort udp(int lane, IpFamily family) {
    return udp.sockets().of(lane, family);
  }

  @Nullable SocketPort raw(int lane, IpFamily family) {
    return esp == null ? null : esp.of(lane, family);
  }

  /** The socket of a lane's sealed packets, null if the machine lacks the family. */
  @Nullable SocketPort sealed(int lane, IpFamily family) {
    return esp == null ? udp(lane, family) : raw(lane, family);
  }

  /** Sets the mark of all, or of none. */
  void mark(int before, int mark) throws ErrnoException {
    List<SocketPort> all = new ArrayList<>(udp.sockets().all());
    if (esp != null) {
      all.addAll(esp.all());
    }
    MarkedSocket.markAll(all, before, mark);
  }

  @Override
  public void close() {
    udp.close();
    if (esp != null) {
      esp.close();
    }
  }
}
