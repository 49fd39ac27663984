// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * The descriptors of a local server on their way to another process.
 *
 * @param all the listening socket first, then those of {@link HandOver#connections}; empty if there
 *     is no server
 */
public record Handed(List<Integer> all) {
  /** No server. */
  public static final Handed NOTHING = new Handed(List.of());

  public Handed {
    all = List.copyOf(all);
  }

  static Handed of(HandOver handOver) {
    List<Integer> all = new ArrayList<>(handOver.connections());
    all.addFirst(handOver.listening());
    return new Handed(all);
  }

  public boolean isEmpty() {
    return all.isEmpty();
  }

  int listening() {
    return all.getFirst();
  }

  List<Integer> connections() {
    return all.subList(1, all.size());
  }

  /** Writes how many there are. */
  public void write(StateWriter out) {
    out.int32(all.size());
  }

  /** Reads how many were written. */
  public static int count(StateReader in) throws StateException {
    return in.int32();
  }

  /** Closes them, for a receiver that has no use for them. */
  public void close() {
    all.forEach(LIBC::close);
  }
}
