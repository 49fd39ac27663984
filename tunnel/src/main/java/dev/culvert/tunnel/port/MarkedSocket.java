package dev.culvert.tunnel.port;

import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** A socket whose packets carry a mark. */
public interface MarkedSocket {
  /**
   * Sets the mark on what is sent from now on.
   *
   * @throws ErrnoException EPERM without CAP_NET_ADMIN; the old mark stays
   */
  void mark(int mark) throws ErrnoException;

  /**
   * Sets the mark of them all, or of none: a packet with a mark that no rule knows would go where
   * nobody wants it.
   *
   * @param before that they have
   * @throws ErrnoException where one cannot be set; those that were have the old one again
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
