package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.EpollPort;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import dev.culvert.tunnel.port.UdpSockets;
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
  private volatile @Nullable UdpSockets sockets;
  private volatile int mark;

  Underlay(Lanes lanes) {
    this.lanes = lanes;
  }

  /** Binds a new set beside the one in use: the port is ours, but nothing moves through it yet. */
  UdpSockets bind(int port, int withMark) throws ErrnoException {
    return UdpSockets.open(lanes.count(), port, UdpOptions.DEFAULT.withMark(withMark));
  }

  /** Moves the tunnel over to {@code next}, and closes the sockets that it used. */
  void use(UdpSockets next, int withMark) {
    List<EpollPort.Registration> old = List.copyOf(registrations);
    registrations.clear();
    for (int i = 0; i < lanes.count(); i++) {
      register(i, next.v4(i));
      register(i, next.v6(i));
    }
    lanes.onEach((i, lane) -> lane.useSockets(next.v4(i), next.v6(i)));
    UdpSockets before = sockets;
    sockets = next;
    mark = withMark;
    Lanes.cancel(old);
    if (before != null) {
      before.close();
    }
  }

  private void register(int lane, @Nullable UdpPort socket) {
    if (socket != null) {
      Lane to = lanes.all().get(lane);
      registrations.add(lanes.register(lane, socket.fd(), () -> to.onUdp(socket)));
    }
  }

  /** Sets the mark of the sockets in use. */
  void mark(int newMark) throws ErrnoException {
    UdpSockets now = sockets;
    if (now != null && newMark != mark) {
      now.mark(newMark);
      mark = newMark;
    }
  }

  int mark() {
    return mark;
  }

  /** The port in use, 0 before there is one. */
  int port() {
    UdpSockets now = sockets;
    return now == null ? 0 : now.port();
  }

  /** Lane 0's socket of either family, or null. */
  @Nullable UdpPort first() {
    UdpSockets now = sockets;
    if (now == null) {
      return null;
    }
    UdpPort v4 = now.v4(0);
    return v4 == null ? now.v6(0) : v4;
  }

  /** Sends what the control side made. On the control thread. */
  void transmit(Datagram datagram) {
    UdpSockets now = sockets;
    UdpPort socket = null;
    if (now != null) {
      socket = datagram.destination().address().v4() ? now.v4(0) : now.v6(0);
    }
    int errno =
        socket == null
            ? -1
            : socket.sendOne(datagram.memory(), 0, datagram.length(), datagram.destination());
    if (errno != 0) {
      drops.count(DropReason.SEND_FAILED);
    }
  }

  /** What the control side could not send. */
  DropCounters drops() {
    return drops;
  }

  @Override
  public void close() {
    Lanes.cancel(registrations);
    registrations.clear();
    UdpSockets now = sockets;
    sockets = null;
    if (now != null) {
      now.close();
    }
  }
}
