// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.INT;

import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.kernel.Links.Link;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes the place of a TUN device in a rehearsal: each queue is one end of a pair of local sockets,
 * whose other end is for a program that plays the kernel. One read or write is one packet with its
 * virtio-net header, as with a TUN device. No interface exists.
 */
public final class StandInTun implements Tun {
  private static final int TYPE = LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;

  private final String name;
  private final List<TunPort> ports;
  private volatile int mtu = 1420;

  private StandInTun(String name, List<TunPort> ports) {
    this.name = name;
    this.ports = List.copyOf(ports);
  }

  /**
   * The two ends of a device.
   *
   * @param kernel the far ends of the queues, closed by their user
   */
  public record Ends(StandInTun tun, List<TunPort> kernel) implements AutoCloseable {
    public Ends {
      kernel = List.copyOf(kernel);
    }

    /** Closes the far ends. */
    @Override
    public void close() {
      kernel.forEach(port -> LIBC.close(port.fd()));
    }
  }

  /** Makes a device with so many queues. */
  public static Ends open(String name, int queues) throws ErrnoException {
    List<TunPort> near = new ArrayList<>();
    List<TunPort> far = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pair = arena.allocate(8, 4);
      for (int i = 0; i < queues; i++) {
        ErrnoException.check("socketpair", LIBC.socketpair(LibC.AF_UNIX, TYPE, 0, pair.address()));
        near.add(new TunPort(pair.get(INT, 0)));
        far.add(new TunPort(pair.get(INT, 4)));
      }
    }
    return new Ends(new StandInTun(name, near), far);
  }

  /** Takes over the queues of another one. */
  public static StandInTun adopt(String name, List<Integer> queues) {
    return new StandInTun(name, queues.stream().map(TunPort::new).toList());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public TunPlace locate() {
    return new TunPlace("", false, new Link(0, name, mtu, true, true));
  }

  @Override
  public boolean standsIn() {
    return true;
  }

  @Override
  public List<TunPort> ports() {
    return ports;
  }

  @Override
  public TunOffloads offloads() {
    return new TunOffloads(true, true, true);
  }

  @Override
  public void mtu(int wanted) {
    mtu = wanted;
  }

  @Override
  public void close() {
    ports.forEach(port -> LIBC.close(port.fd()));
  }
}
