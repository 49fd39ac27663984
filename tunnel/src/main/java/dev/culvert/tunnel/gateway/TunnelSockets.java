// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.port.EspPort;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.MarkedSocket;
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
 */
record TunnelSockets(UdpSockets udp, @Nullable PerLane<EspPort> esp) implements AutoCloseable {
  static TunnelSockets open(Encapsulation encapsulation, int lanes, int port, int mark)
      throws ErrnoException {
    UdpOptions options = UdpOptions.DEFAULT.withMark(mark);
    UdpSockets udp = UdpSockets.open(lanes, port, options);
    try {
      return new TunnelSockets(
          udp,
          encapsulation == Encapsulation.RAW
              ? PerLane.open(
                  lanes, (family, lane) -> EspPort.open(family, lane, lanes, udp.port(), options))
              : null);
    } catch (ErrnoException | RuntimeException e) {
      udp.close();
      throw e;
    }
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
