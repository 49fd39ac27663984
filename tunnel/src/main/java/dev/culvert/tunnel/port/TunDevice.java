// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.INT;
import static dev.culvert.tunnel.port.Wire.SHORT;

import dev.culvert.routing.InterfaceName;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.kernel.Links;
import dev.culvert.tunnel.kernel.NamespaceId;
import dev.culvert.tunnel.kernel.Netlink;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A TUN interface with one queue per lane. It vanishes with the process, unless another program
 * made it persistent.
 */
public final class TunDevice implements Tun {
  private static final String CLONE_DEVICE = "/dev/net/tun";
  private static final int IFNAMSIZ = 16;

  private static final int IFREQ_BYTES = 40;

  private static final long TUNSETIFF = 0x400454caL;
  private static final long TUNGETIFF = 0x800454d2L;
  private static final long TUNGETDEVNETNS = 0x54e3L;
  private static final long TUNSETOWNER = 0x400454ccL;
  private static final long TUNSETGROUP = 0x400454ceL;
  private static final long TUNSETOFFLOAD = 0x400454d0L;
  private static final long TUNSETVNETHDRSZ = 0x400454d8L;
  private static final int IFF_TUN = 0x0001;
  private static final int IFF_NO_PI = 0x1000;
  private static final int IFF_VNET_HDR = 0x4000;
  private static final int IFF_TUN_EXCL = 0x8000;
  private static final int IFF_MULTI_QUEUE = 0x0100;

  private static final List<TunOffloads> OFFLOADS_BEST_FIRST =
      List.of(
          TunOffloads.ALL,
          new TunOffloads(true, true, false),
          new TunOffloads(true, false, false),
          new TunOffloads(false, false, false));

  private static final Path OWN_NAMESPACE = Path.of("/proc/thread-self/ns/net");

  /** Attempts to locate the device, which may be moved or renamed during the search. */
  private static final int ATTEMPTS = 8;

  private final String name;
  private final String home;
  private final List<TunPort> ports;
  private final TunOffloads offloads;
  private final Netlink netlink;
  private boolean closed;

  private TunDevice(
      String name, String home, List<TunPort> ports, TunOffloads offloads, Netlink netlink) {
    this.name = name;
    this.home = home;
    this.ports = List.copyOf(ports);
    this.offloads = offloads;
    this.netlink = netlink;
  }

  /**
   * Creates the interface, or attaches to one that exists and that no process serves.
   *
   * @param name see {@link InterfaceName}
   * @param queues wanted queues, at least 1; a kernel or an existing device without multi-queue
   *     support gives one
   * @param modes those of the device's offloads
   * @throws ErrnoException EBUSY if another process uses the interface, EPERM without
   *     CAP_NET_ADMIN, ENOENT or ENODEV without the tun module
   * @throws IllegalArgumentException if the name is not a valid one
   */
  public static TunDevice open(String name, int queues, OffloadModes modes) throws IOException {
    InterfaceName.check(name);
    if (queues < 1) {
      throw new IllegalArgumentException(queues + " queues");
    }
    Netlink netlink = Netlink.open();
    List<Integer> fds = new ArrayList<>();
    try {
      Links links = new Links(netlink);
      Optional<Links.Link> existing = links.find(name);
      // A multi-queue device lets us join queues of another process without an EBUSY, so check
      // first.
      if (existing.filter(Links.Link::carrier).isPresent()) {
        throw refused(name, Errno.EBUSY);
      }
      int exclusive = existing.isPresent() ? 0 : IFF_TUN_EXCL;
      boolean several = queues > 1;
      int errno = attach(name, exclusive | (several ? IFF_MULTI_QUEUE : 0), fds);
      if (errno == Errno.EINVAL) {
        several = !several;
        errno = attach(name, exclusive | (several ? IFF_MULTI_QUEUE : 0), fds);
      }
      if (errno == 0) {
        own(fds.getFirst());
        if (existing.isEmpty()) {
          links.setQueueLength(links.get(name).index(), QUEUE_PACKETS);
        }
      }
      for (int i = 1; errno == 0 && several && i < queues; i++) {
        errno = attach(name, IFF_MULTI_QUEUE, fds);
      }
      if (errno != 0) {
        throw refused(name, errno);
      }
      refuseOthers(links, name, fds.size(), existing.isEmpty());
      TunOffloads offloads = negotiate(fds, modes);
      List<TunPort> ports = fds.stream().map(TunPort::new).toList();
      String home = Files.readSymbolicLink(OWN_NAMESPACE).toString();
      return new TunDevice(name, home, ports, offloads, netlink);
    } catch (IOException | RuntimeException e) {
      fds.forEach(LIBC::close);
      netlink.close();
      throw e;
    }
  }

  /**
   * Takes over the queues of another process, which may end: the interface stays with its index,
   * addresses and routes.
   *
   * @param name of the interface in the namespace in which it was created
   * @param descriptors of its queues, at least 1; they are closed if this fails
   * @param queues wanted queues, at least 1: more are opened if the device has more than one, and
   *     packets that wait in one that is not wanted are lost
   * @param modes those of the device's offloads
   * @throws IOException if {@code descriptors} are no queues of this interface
   */
  public static TunDevice adopt(
      String name, List<Integer> descriptors, int queues, OffloadModes modes) throws IOException {
    List<Integer> fds = new ArrayList<>(descriptors);
    Netlink netlink = Netlink.open();
    try {
      for (int fd : fds) {
        refuseOther(name, fd);
      }
      int errno = 0;
      while (errno == 0 && fds.size() < queues) {
        // EINVAL: the device has one queue only.
        errno = attach(name, IFF_MULTI_QUEUE, fds);
      }
      if (errno != 0 && errno != Errno.EINVAL) {
        throw refused(name, errno);
      }
      while (fds.size() > queues) {
        LIBC.close(fds.removeLast());
      }
      TunOffloads offloads = negotiate(fds, modes);
      String home = Files.readSymbolicLink(OWN_NAMESPACE).toString();
      return new TunDevice(name, home, fds.stream().map(TunPort::new).toList(), offloads, netlink);
    } catch (IOException | RuntimeException e) {
      fds.forEach(LIBC::close);
      netlink.close();
      throw e;
    }
  }

  /**
   * Why a descriptor that a process before this one left cannot be {@link #adopt adopted}, as text
   * for people.
   *
   * @return empty if it is a queue of this interface, which is in this process's namespace
   */
  public static Optional<String> fault(String name, int descriptor) throws IOException {
    try {
      refuseOther(name, descriptor);
      int namespace = LIBC.ioctl(descriptor, TUNGETDEVNETNS, 0);
      if (namespace < 0 && Errno.last() == Errno.EINVAL) {
        return Optional.empty(); // Linux before 5.7 does not report it.
      }
      check("ioctl TUNGETDEVNETNS", namespace);
      try {
        String present = Files.readSymbolicLink(Path.of("/proc/self/fd/" + namespace)).toString();
        return present.equals(Files.readSymbolicLink(OWN_NAMESPACE).toString())
            ? Optional.empty()
            : Optional.of("TUN device " + name + " is in another network namespace");
      } finally {
        LIBC.close(namespace);
      }
    } catch (ErrnoException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private static void refuseOther(String name, int fd) throws ErrnoException {
    String present = nameOf(fd);
    if (!present.equals(name)) {
      throw new ErrnoException(
          "TUN device " + name, Errno.ENODEV, "the queue is of " + present + " now");
    }
  }

  /**
   * Opens one more queue: returns 0 and adds its descriptor to {@code fds}, or returns the errno of
   * TUNSETIFF.
   */
  private static int attach(String name, int extraFlags, List<Integer> fds) throws ErrnoException {
    int fd = LIBC.open(CLONE_DEVICE, LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC, 0);
    if (fd < 0) {
      throw cannotOpen(Errno.last());
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = arena.allocate(IFREQ_BYTES, 8);
      request.setString(0, name);
      int flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | extraFlags;
      request.set(SHORT, IFNAMSIZ, (short) flags);
      if (LIBC.ioctl(fd, TUNSETIFF, request.address()) < 0) {
        int errno = Errno.last();
        LIBC.close(fd);
        return errno;
      }
    }
    fds.add(fd);
    return 0;
  }

  /**
   * Sets the device's owner, since without one any local process may join its queues, and read and
   * write packets.
   */
  private static void own(int fd) throws ErrnoException {
    ErrnoException.check("ioctl TUNSETOWNER", LIBC.ioctl(fd, TUNSETOWNER, LIBC.geteuid()));
    ErrnoException.check("ioctl TUNSETGROUP", LIBC.ioctl(fd, TUNSETGROUP, LIBC.getegid()));
  }

  /** Fails if another process joined before the device had an owner. */
  private static void refuseOthers(Links links, String name, int ours, boolean created)
      throws IOException {
    int count = links.tunQueues(name).count();
    if (count > ours) {
      if (created) {
        // The device would exist for as long as another process holds it, and be in the way of the
        // next start.
        links.delete(links.get(name).index());
      }
      throw new ErrnoException(
          "TUN device " + name, Errno.EBUSY, count - ours + " of its queues are held by others");
    }
  }

  private static TunOffloads negotiate(List<Integer> fds, OffloadModes modes)
      throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(4, 4);
      size.set(INT, 0, TunPort.HEADER_BYTES);
      for (int fd : fds) {
        ErrnoException.check(
            "ioctl TUNSETVNETHDRSZ", LIBC.ioctl(fd, TUNSETVNETHDRSZ, size.address()));
      }
    }
    int errno = 0;
    for (TunOffloads best : OFFLOADS_BEST_FIRST) {
      TunOffloads offloads = best.wantedBy(modes);
      if (LIBC.ioctl(fds.getFirst(), TUNSETOFFLOAD, offloads.flags()) == 0) {
        return offloads;
      }
      errno = Errno.last();
    }
    throw new ErrnoException("ioctl TUNSETOFFLOAD", errno);
  }

  private static ErrnoException cannotOpen(int errno) {
    String call = "open " + CLONE_DEVICE;
    return switch (errno) {
      case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO ->
          new ErrnoException(call, errno, "the kernel has no TUN support (load the tun module)");
      case Errno.EACCES, Errno.EPERM ->
          new ErrnoException(
              call, errno, "its mode lets this user not open it; run as root, or chmod 0666 it");
      default -> new ErrnoException(call, errno);
    };
  }

  private static ErrnoException refused(String name, int errno) {
    String call = "TUN device " + name;
    return switch (errno) {
      case Errno.EBUSY -> new ErrnoException(call, errno, "the interface is in use by another");
      case Errno.EPERM -> new ErrnoException(call, errno, "not permitted; it takes CAP_NET_ADMIN");
      case Errno.EINVAL ->
          new ErrnoException(call, errno, "an interface of this name exists that is no TUN device");
      default -> new ErrnoException(call, errno);
    };
  }

  @Override
  public String name() {
    return name;
  }

  /** Asks the descriptor, since another device may have its former name or index. */
  @Override
  public synchronized TunPlace locate() throws IOException {
    if (closed) {
      throw new DeviceGoneException("locate TUN", Errno.EBADF);
    }
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      String present = presentName();
      Optional<TunPlace> place = look(present);
      if (place.isPresent() && presentName().equals(present)) {
        return place.get();
      }
    }
    throw new IOException("TUN device " + name + " is not to be found");
  }

  /** The descriptor of the namespace is closed at once: it would keep the namespace alive. */
  private Optional<TunPlace> look(String present) throws IOException {
    Links links = new Links(netlink);
    int namespace = LIBC.ioctl(ports.getFirst().fd(), TUNGETDEVNETNS, 0);
    if (namespace < 0 && Errno.last() == Errno.EINVAL) {
      // Linux before 5.7 does not report it.
      return links.find(present).map(link -> new TunPlace(home, true, link));
    }
    check("ioctl TUNGETDEVNETNS", namespace);
    try {
      String label = Files.readSymbolicLink(Path.of("/proc/self/fd/" + namespace)).toString();
      return label.equals(home)
          ? links.find(present).map(link -> new TunPlace(label, true, link))
          : links
              .find(present, NamespaceId.of(netlink, namespace))
              .map(link -> new TunPlace(label, false, link));
    } finally {
      LIBC.close(namespace);
    }
  }

  private String presentName() throws ErrnoException {
    return nameOf(ports.getFirst().fd());
  }

  private static String nameOf(int queue) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = arena.allocate(IFREQ_BYTES, 8);
      check("ioctl TUNGETIFF", LIBC.ioctl(queue, TUNGETIFF, request.address()));
      return request.getString(0);
    }
  }

  private static void check(String call, int result) throws ErrnoException {
    int errno = result < 0 ? Errno.last() : 0;
    if (TunPort.isGone(errno)) {
      throw new DeviceGoneException(call, errno);
    }
    if (errno != 0) {
      throw new ErrnoException(call, errno);
    }
  }

  @Override
  public boolean standsIn() {
    return false;
  }

  @Override
  public List<TunPort> ports() {
    return ports;
  }

  @Override
  public TunOffloads offloads() {
    return offloads;
  }

  @Override
  public void mtu(int mtu) throws IOException {
    new Links(netlink).setMtu(indexAtHome(), mtu);
  }

  /** Sets the interface up, in the namespace in which it was created. */
  public void up() throws IOException {
    new Links(netlink).setUp(indexAtHome(), true);
  }

  private int indexAtHome() throws IOException {
    TunPlace place = locate();
    if (!place.home()) {
      throw new IOException("TUN device " + name + " was moved to another network namespace");
    }
    return place.link().index();
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      ports.forEach(port -> LIBC.close(port.fd()));
      netlink.close();
    }
  }
}
