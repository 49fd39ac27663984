// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.OfFamilies;
import dev.culvert.tunnel.port.TunDevice;
import dev.culvert.tunnel.port.UdpPort;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The descriptors through which a gateway reads and sends.
 *
 * @param queues of the TUN device, one per lane
 * @param udp sockets of UDP
 * @param esp raw sockets; empty if sealed packets go through UDP
 */
public record Descriptors(List<Integer> queues, OfFamilies udp, OfFamilies esp) {
  private static final int F_DUPFD_CLOEXEC = 1030;

  public static final Descriptors NONE =
      new Descriptors(List.of(), OfFamilies.NONE, OfFamilies.NONE);

  public Descriptors {
    queues = List.copyOf(queues);
  }

  /**
   * Why a descriptor that a process before this one left is no queue of a TUN device, or of another
   * one, or of one that was deleted or moved away; as text for people.
   *
   * @return empty if a gateway can continue the device by it
   */
  public static Optional<String> queueFault(String interfaceName, int descriptor)
      throws IOException {
    return TunDevice.fault(interfaceName, descriptor);
  }

  /** All of them, in the order in which {@link Counts#of} takes them. */
  public List<Integer> all() {
    return kinds().flatMap(List::stream).toList();
  }

  private Stream<List<Integer>> kinds() {
    return Stream.of(queues, udp.v4(), udp.v6(), esp.v4(), esp.v6());
  }

  /**
   * The UDP port that the sockets are bound to.
   *
   * @throws ErrnoException if there is no socket
   */
  public int port() throws ErrnoException {
    return UdpPort.portOf(socket());
  }

  /** The mark of the sockets' packets. */
  int mark() throws ErrnoException {
    return UdpPort.markOf(socket());
  }

  private int socket() throws ErrnoException {
    return Stream.concat(udp.v4().stream(), udp.v6().stream())
        .findFirst()
        .orElseThrow(() -> new ErrnoException("a gateway without a socket", Errno.EBADF));
  }

  /** Writes how many there are of each kind. */
  public void write(StateWriter out) {
    kinds().forEach(kind -> out.int32(kind.size()));
  }

  /**
   * How many there are of each kind.
   *
   * @param ofKinds in the order of {@link Descriptors#all}
   */
  public record Counts(List<Integer> ofKinds) {
    private static final int KINDS = 5;

    /** Reads the counts of {@link Descriptors#write}. */
    public static Counts read(StateReader in) throws StateException {
      List<Integer> counts = new ArrayList<>();
      for (int i = 0; i < KINDS; i++) {
        counts.add(in.int32());
      }
      return new Counts(counts);
    }

    /**
     * Tells the kinds of received descriptors apart.
     *
     * @throws StateException if there are more or fewer, or there is no queue
     */
    public Descriptors of(List<Integer> received) throws StateException {
      long sum = ofKinds.stream().mapToLong(Integer::longValue).sum();
      boolean negative = ofKinds.stream().anyMatch(count -> count < 0);
      if (negative || sum != received.size() || ofKinds.getFirst() == 0) {
        throw new StateException(received.size() + " descriptors, which are not of a gateway");
      }
      Iterator<Integer> next = received.iterator();
      return new Descriptors(
          take(next, 0),
          new OfFamilies(take(next, 1), take(next, 2)),
          new OfFamilies(take(next, 3), take(next, 4)));
    }

    private List<Integer> take(Iterator<Integer> from, int kind) {
      List<Integer> taken = new ArrayList<>();
      for (int i = 0; i < ofKinds.get(kind); i++) {
        taken.add(from.next());
      }
      return taken;
    }
  }

  /**
   * The same files by other numbers, as another process gets them.
   *
   * @throws ErrnoException if this process may open no more
   */
  Descriptors copy() throws ErrnoException {
    return new Descriptors(
        copy(queues),
        new OfFamilies(copy(udp.v4()), copy(udp.v6())),
        new OfFamilies(copy(esp.v4()), copy(esp.v6())));
  }

  private static List<Integer> copy(List<Integer> of) throws ErrnoException {
    List<Integer> copies = new ArrayList<>();
    for (int fd : of) {
      copies.add(ErrnoException.check("dup", LIBC.fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    }
    return copies;
  }

  /** Closes all of them, for a receiver that does not use them. */
  public void close() {
    all().forEach(LIBC::close);
  }
}
