package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.EpollPort;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.SocketPort;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sockets that carry the tunnel, one a lane and family, replaced whole when the port changes.
 */
final class Underlay implements AutoCloseable {
  private final Lanes lanes;
  private final DropCounters drops = new DropCounters();
  private final List<EpollPort.Registration> registrations = new ArrayList<>();
  private final Encapsulation encapsulation;
  private volatile @Nullable TunnelSockets sockets;
  private volatile int mark;

  Underlay(Lanes lanes, Encapsulation encapsulation) {
    this.lanes = lanes;
    this.encapsulation = encapsulation;
  }

  /** Binds a new set beside the one in use: the port is ours, but nothing moves through it yet. */
  TunnelSockets bind(int port, int withMark) throws ErrnoException {
    return TunnelSockets.open(encapsulation, lanes.count(), port, withMark);
  }

  /** Moves the tunnel over to {@code next}, and closes the sockets that it used. */
  void use(TunnelSockets next, int withMark) {
    List<EpollPort.Registration> old = List.copyOf(registrations);
    registrations.clear();
    for (int i = 0; i < lanes.count(); i++) {
      for (IpFamily family : IpFamily.values()) {
        register(i, next.udp(i, family));
        register(i, next.raw(i, family));
      }
    }
    lanes.onEach(
        (i, lane) -> lane.useSockets(next.sealed(i, IpFamily.V4), next.sealed(i, IpFamily.V6)));
    TunnelSockets before = sockets;
    sockets = next;
    mark = withMark;
    Lanes.cancel(old);
    if (before != null) {
      before.close();
    }
  }

  private void register(int lane, @Nullable SocketPort socket) {
    if (socket != null) {
      Lane to = lanes.all().get(lane);
      registrations.add(lanes.register(lane, socket.fd(), () -> to.onUdp(socket)));
    }
  }

  /** Sets the mark of the sockets in use. */
  void mark(int newMark) throws ErrnoException {
    TunnelSockets now = sockets;
    if (now != null && newMark != mark) {
      now.mark(mark, newMark);
      mark = newMark;
    }
  }

  int mark() {
    return mark;
  }

  /** The port in use, 0 before there is one. */
  int port() {
    TunnelSockets now = sockets;
    return now == null ? 0 : now.port();
  }

  /** Lane 0's socket of either family, or null. */
  @Nullable SocketPort first() {
    TunnelSockets now = sockets;
    if (now == null) {
      return null;
    }
    SocketPort v4 = now.sealed(0, IpFamily.V4);
    return v4 == null ? now.sealed(0, IpFamily.V6) : v4;
  }

  /** Sends what the control side made. On the control thread. */
  void transmit(Datagram datagram) {
    TunnelSockets now = sockets;
    SocketPort socket = null;
    if (now != null) {
      IpFamily family = IpFamily.of(datagram.destination().address());
      socket = isMessage(datagram) ? now.udp(0, family) : now.sealed(0, family);
    }
    int errno =
        socket == null
            ? -1
            : socket.sendOne(datagram.memory(), 0, datagram.length(), datagram.destination());
    if (errno != 0) {
      drops.count(DropReason.SEND_FAILED);
    }
  }

  /** Whether it begins with the non-ESP marker (RFC 3948 section 2.2), which no SPI equals. */
  private static boolean isMessage(Datagram datagram) {
    return datagram.memory().get(ValueLayout.JAVA_INT_UNALIGNED, 0) == 0;
  }

  /** What the control side could not send. */
  DropCounters drops() {
    return drops;
  }

  @Override
  public void close() {
    Lanes.cancel(registrations);
    registrations.clear();
    TunnelSockets now = sockets;
    sockets = null;
    if (now != null) {
      now.close();
    }
  }
}
