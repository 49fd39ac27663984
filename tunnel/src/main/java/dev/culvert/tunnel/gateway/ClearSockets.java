// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.MarkedSocket;
import dev.culvert.tunnel.port.RawPort;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The raw sockets of a gateway in a cluster: one per family and lane. */
public final class ClearSockets implements AutoCloseable {
  private final List<RawPort> v4 = new ArrayList<>();
  private final List<RawPort> v6 = new ArrayList<>();
  private int mark;

  private ClearSockets(int mark) {
    this.mark = mark;
  }

  /** Opens them all, or none; a family that the machine does not have is absent. */
  public static ClearSockets open(int lanes, int mark) throws ErrnoException {
    ClearSockets sockets = new ClearSockets(mark);
    try {
      for (int i = 0; i < lanes; i++) {
        sockets.add(IpFamily.V4, sockets.v4);
        sockets.add(IpFamily.V6, sockets.v6);
      }
      return sockets;
    } catch (ErrnoException e) {
      sockets.close();
      throw e;
    }
  }

  private void add(IpFamily family, List<RawPort> to) throws ErrnoException {
    try {
      to.add(RawPort.open(family, mark));
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EAFNOSUPPORT) {
        throw e;
      }
    }
  }

  public @Nullable RawPort v4(int lane) {
    return v4.isEmpty() ? null : v4.get(lane);
  }

  public @Nullable RawPort v6(int lane) {
    return v6.isEmpty() ? null : v6.get(lane);
  }

  int mark() {
    return mark;
  }

  /** Sets the mark of all, or of none. */
  void mark(int newMark) throws ErrnoException {
    if (newMark != mark) {
      List<RawPort> all = new ArrayList<>(v4);
      all.addAll(v6);
      MarkedSocket.markAll(all, mark, newMark);
      mark = newMark;
    }
  }

  /** Closes them all. Their lanes must not use them any more. */
  @Override
  public void close() {
    v4.forEach(RawPort::close);
    v6.forEach(RawPort::close);
  }
}
