// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** A socket whose packets carry a mark. */
public interface MarkedSocket extends AutoCloseable {
  /**
   * Sets the mark of packets sent from now on.
   *
   * @throws ErrnoException EPERM without CAP_NET_ADMIN; the old mark stays
   */
  void mark(int mark) throws ErrnoException;

  @Override
  void close();

  /**
   * Sets the mark of all sockets, or of none: packets with a mark that no rule knows would be
   * routed wrongly.
   *
   * @param before the mark that the sockets have now
   * @throws ErrnoException if one cannot be set; the others have the old mark again
   */
  static void markAll(Collection<? extends MarkedSocket> sockets, int before, int mark)
      throws ErrnoException {
    List<MarkedSocket> changed = new ArrayList<>();
    try {
      for (MarkedSocket socket : sockets) {
        socket.mark(mark);
        changed.add(socket);
      }
    } catch (ErrnoException e) {
      for (MarkedSocket socket : changed) {
        restore(socket, before, e);
      }
      throw e;
    }
  }

  private static void restore(MarkedSocket socket, int before, ErrnoException cause) {
    try {
      socket.mark(before);
    } catch (ErrnoException e) {
      cause.addSuppressed(e);
    }
  }
}
