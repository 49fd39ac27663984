// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.lane.Lane;
import dev.culvert.tunnel.lane.Lanes;
import dev.culvert.tunnel.lane.SelfTraffic;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.port.EpollPort;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.UdpOptions;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The sockets that carry the tunnel, one per lane and family, replaced together when the port
 * changes.
 */
final class Underlay implements AutoCloseable {
  private final Lanes lanes;
  private final SelfTraffic self;
  private final DropCounters drops = new DropCounters();
  private List<EpollPort.Registration> registrations = List.of();

  /** Sockets that are not in use, except perhaps by a lane that did not answer. Guarded by this. */
  private final List<TunnelSockets> doubtful = new ArrayList<>();

  private final Encapsulation encapsulation;
  private final UdpOptions options;
  private volatile @Nullable TunnelSockets sockets;
  private volatile int mark;

  /** Guarded by this, like {@link #registrations}. */
  private boolean closed;

  /** Whether lanes receive nothing at present. Guarded by this. */
  private boolean paused;

  /**
   * @param options of the UDP sockets, except the mark
   */
  Underlay(Lanes lanes, SelfTraffic self, Encapsulation encapsulation, UdpOptions options) {
    this.lanes = lanes;
    this.self = self;
    this.encapsulation = encapsulation;
    this.options = options;
  }

  /**
   * Binds a new set of sockets beside the one in use: the port is taken, but no packets pass yet.
   */
  TunnelSockets bind(int port, int withMark) throws ErrnoException {
    return TunnelSockets.open(
        encapsulation, lanes.count(), port, options.withMark(withMark), Descriptors.NONE);
  }

  /** Makes a set of the sockets of another process, and of new ones for lanes that have none. */
  TunnelSockets adopt(Descriptors inherited) throws ErrnoException {
    return TunnelSockets.open(
        encapsulation,
        lanes.count(),
        inherited.port(),
        options.withMark(inherited.mark()),
        inherited);
  }

  /** The sockets that carried the tunnel before, to be closed or restored. */
  record Former(
      @Nullable TunnelSockets sockets, List<EpollPort.Registration> registrations, int mark) {}

  /**
   * Moves the tunnel to {@code next}. Lanes also receive from the old sockets until these are
   * closed.
   *
   * @throws ErrnoException if this was closed; {@code next} is closed too then
   * @throws RuntimeException if a lane does not answer; both sets stay open until this is closed
   */
  synchronized Former use(TunnelSockets next, int withMark) throws ErrnoException {
    if (closed) {
      next.close();
      throw new ErrnoException("use of new sockets", Errno.EBADF, "the device is closed");
    }
    Former former = new Former(sockets, registrations, mark);
    List<EpollPort.Registration> fresh = paused ? List.of() : register(next);
    registrations = Stream.concat(registrations.stream(), fresh.stream()).toList();
    doubtful.add(next);
    sendThrough(next);
    doubtful.remove(next);
    if (former.sockets != null) {
      doubtful.add(former.sockets);
    }
    self.sendFrom(next.port());
    sockets = next;
    mark = withMark;
    return former;
  }

  /**
   * Makes lanes receive nothing until {@link #resume}; packets wait in the sockets. When this
   * returns, every batch has been handled.
   *
   * @throws RuntimeException if a lane does not answer
   */
  synchronized void pause() {
    paused = true;
    lanes.cancel(registrations);
    registrations = List.of();
  }

  /** Makes lanes receive from the sockets in use again; does nothing unless this is paused. */
  synchronized void resume() {
    if (!paused) {
      return;
    }
    paused = false;
    TunnelSockets now = sockets;
    if (now != null && !closed) {
      registrations = register(now);
    }
  }

  /** The sockets in use, or null. */
  @Nullable TunnelSockets sockets() {
    return sockets;
  }

  private void sendThrough(TunnelSockets next) {
    lanes.onEach(
        (i, lane) -> lane.useSockets(next.sealed(i, IpFamily.V4), next.sealed(i, IpFamily.V6)));
  }

  /** Closes the sockets that carried the tunnel before, once no lane receives from them. */
  synchronized void close(Former former) {
    TunnelSockets unused = former.sockets;
    if (unused != null && doubtful.contains(unused)) {
      release(unused, former.registrations);
    }
  }

  /**
   * Moves the tunnel back to the former sockets, and closes the current ones.
   *
   * @throws RuntimeException if a lane does not answer; both sets stay open until this is closed
   */
  synchronized void goBack(Former former) {
    TunnelSockets given = sockets;
    TunnelSockets before = former.sockets;
    if (given == null || before == null || closed) {
      return;
    }
    sendThrough(before);
    self.sendFrom(before.port());
    sockets = before;
    mark = former.mark;
    doubtful.remove(before);
    doubtful.add(given);
    List<EpollPort.Registration> unused = new ArrayList<>(registrations);
    unused.removeAll(former.registrations);
    release(given, unused);
  }

  private void release(TunnelSockets unused, List<EpollPort.Registration> ofThem) {
    lanes.cancel(ofThem);
    List<EpollPort.Registration> rest = new ArrayList<>(registrations);
    rest.removeAll(ofThem);
    registrations = List.copyOf(rest);
    doubtful.remove(unused);
    unused.close();
  }

  /**
   * Makes the lanes receive from all sockets, or from none; in that case the sockets are closed if
   * all lanes answer.
   */
  private List<EpollPort.Registration> register(TunnelSockets next) {
    List<EpollPort.Registration> registered = new ArrayList<>();
    try {
      for (int i = 0; i < lanes.count(); i++) {
        for (IpFamily family : IpFamily.values()) {
          register(i, next.udp(i, family), registered);
          register(i, next.raw(i, family), registered);
        }
      }
      return registered;
    } catch (RuntimeException e) {
      doubtful.add(next);
      registrations = Stream.concat(registrations.stream(), registered.stream()).toList();
      try {
        release(next, registered);
      } catch (RuntimeException inner) {
        e.addSuppressed(inner);
      }
      throw e;
    }
  }

  private void register(
      int lane, @Nullable SocketPort socket, List<EpollPort.Registration> registered) {
    if (socket != null) {
      Lane to = lanes.all().get(lane);
      registered.add(lanes.register(lane, socket.fd(), () -> to.onUdp(socket)));
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

  /**
   * Sets the mark of the sockets in use again, since another process that had them may have set
   * another one.
   */
  void markAgain() throws ErrnoException {
    TunnelSockets now = sockets;
    if (now != null) {
      now.mark(mark, mark);
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

  /** The UDP port that sealed packets come from, 0 if they have none. */
  int sealedPort() {
    return encapsulation == Encapsulation.RAW ? 0 : port();
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

  /** Sends a datagram of the control side. On the control thread. */
  void transmit(Datagram datagram) {
    TunnelSockets now = sockets;
    SocketPort socket = null;
    if (now != null) {
      self.sendingTo(datagram.destination());
      IpFamily family = IpFamily.of(datagram.destination().address());
      socket = isMessage(datagram) ? now.udp(0, family) : now.sealed(0, family);
    }
    int errno =
        socket == null
            ? -1
            : socket.sendOne(
                datagram.memory(), 0, datagram.length(), datagram.destination(), datagram.tos());
    if (errno != 0) {
      drops.count(DropReason.SEND_FAILED);
    }
  }

  /**
   * Whether it belongs to UDP encapsulation (RFC 3948) but is not an ESP packet: a keepalive, or a
   * message that begins with the non-ESP marker, which no SPI equals.
   */
  private static boolean isMessage(Datagram datagram) {
    return datagram.length() < Integer.BYTES
        || datagram.memory().get(ValueLayout.JAVA_INT_UNALIGNED, 0) == 0;
  }

  /** The drops of the control side's sends. */
  DropCounters drops() {
    return drops;
  }

  /**
   * Takes the sockets from the lanes, and closes them. Lanes that still run drop their packets. May
   * be called again, and has to be after it threw, since a lane may still use them then.
   */
  @Override
  public synchronized void close() {
    closed = true;
    TunnelSockets before = sockets;
    sockets = null;
    if (before != null) {
      doubtful.add(before);
    }
    lanes.onEach((i, lane) -> lane.useSockets(null, null));
    lanes.cancel(registrations);
    registrations = List.of();
    doubtful.forEach(TunnelSockets::close);
    doubtful.clear();
  }
}
