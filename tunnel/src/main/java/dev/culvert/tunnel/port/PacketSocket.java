// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.kernel.Poll;
import dev.culvert.tunnel.offload.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A packet socket (packet(7)): captures the frames that devices send and receive; leaving frames
 * are seen after all rules, routes and filters. A super-packet is one frame, whose virtio-net
 * header tells how it will be, or was, segmented. Not thread-safe.
 */
public final class PacketSocket implements AutoCloseable {
  /** Every device of the network namespace. */
  public static final int ALL_DEVICES = 0;

  private static final int SOL_PACKET = 263;
  private static final int PACKET_STATISTICS = 6;
  private static final int PACKET_VNET_HDR = 15;
  private static final int SO_TIMESTAMPNS = 35;
  private static final int ETH_P_ALL = 3;
  private static final int PACKET_OUTGOING = 4;
  private static final int BUFFER_BYTES = 64 << 20;

  // struct sockaddr_ll
  private static final int SOCKADDR_LL = 20;
  private static final int LL_PROTOCOL = 2;
  private static final int LL_DEVICE = 4;
  private static final int LL_HARDWARE = 8;
  private static final int LL_PACKET_TYPE = 10;

  private static final int BATCH = 32;

  /** A virtio-net header, link headers, and the longest IP packet. */
  private static final int ROOM = 66_048;

  private static final int CONTROL = 64;

  private final int fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment frames = arena.allocate((long) BATCH * ROOM, 64);
  private final MemorySegment headers = arena.allocate((long) BATCH * MMSGHDR, 8);
  private final MemorySegment vectors = arena.allocate((long) BATCH * IOVEC, 8);
  private final MemorySegment names = arena.allocate((long) BATCH * SOCKADDR_ROOM, 8);
  private final MemorySegment controls = arena.allocate((long) BATCH * CONTROL, 8);
  private long unreadable;
  private long dropped;

  /**
   * The place of a frame in memory, and its device.
   *
   * @param at offset in {@code memory} of its virtio-net header
   * @param length bytes, that header included
   * @param device the interface's index
   * @param hardware the interface's ARPHRD number
   * @param time nanoseconds since 1970
   */
  public record Frame(
      MemorySegment memory,
      long at,
      int length,
      int device,
      int hardware,
      boolean outgoing,
      long time) {}

  /** Takes a frame, whose memory is valid until this returns. */
  @FunctionalInterface
  public interface Listener {
    void onFrame(Frame frame) throws java.io.IOException;
  }

  private PacketSocket(int fd) {
    this.fd = fd;
  }

  /**
   * Opens a socket that receives only frames that its filter lets pass, from the start.
   *
   * @param device an interface's index, or {@link #ALL_DEVICES}
   * @throws ErrnoException EPERM without CAP_NET_RAW
   */
  public static PacketSocket open(SocketFilter filter, int device) throws ErrnoException {
    int type = LibC.SOCK_RAW | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    // With protocol 0 it receives nothing before it is bound, hence nothing before it has the
    // filter.
    int fd = ErrnoException.check("packet socket", LIBC.socket(LibC.AF_PACKET, type, 0));
    try (Arena arena = Arena.ofConfined()) {
      SocketOptions socket = new SocketOptions(fd);
      filter.attach(fd);
      socket.set("PACKET_VNET_HDR", SOL_PACKET, PACKET_VNET_HDR, 1);
      socket.set("SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS, 1);
      socket.bufferSize(BUFFER_BYTES);
      MemorySegment address = arena.allocate(SOCKADDR_LL, 8);
      address.set(SHORT, 0, (short) LibC.AF_PACKET);
      address.set(NET_SHORT, LL_PROTOCOL, (short) ETH_P_ALL);
      address.set(INT, LL_DEVICE, device);
      ErrnoException.check("bind packet socket", LIBC.bind(fd, address.address(), SOCKADDR_LL));
      return new PacketSocket(fd);
    } catch (ErrnoException e) {
      LIBC.close(fd);
      throw e;
    }
  }

  /**
   * Hands over the frames that have come, waiting at most {@code millis} milliseconds for the
   * first.
   */
  public void receive(int millis, Listener listener) throws java.io.IOException {
    if (!Poll.readable(millis, fd)) {
      return;
    }
    prepare();
    int received = LIBC.recvmmsg(fd, headers.address(), BATCH, LibC.MSG_DONTWAIT, 0);
    if (received < 0) {
      failed(Errno.last());
    }
    for (int i = 0; i < received; i++) {
      if ((headers.get(INT, (long) i * MMSGHDR + MSG_FLAGS) & LibC.MSG_TRUNC) != 0) {
        unreadable++;
      } else {
        listener.onFrame(frame(i));
      }
    }
  }

  private void failed(int errno) throws ErrnoException {
    switch (errno) {
      case Errno.EAGAIN, Errno.EINTR -> {} // The wake-up was spurious.
      // The kernel has no virtio-net header for this super-packet, and dropped it.
      case Errno.EINVAL -> unreadable++;
      default -> throw new ErrnoException("receive from packet socket", errno);
    }
  }

  private void prepare() {
    for (int i = 0; i < BATCH; i++) {
      long header = (long) i * MMSGHDR;
      long vector = (long) i * IOVEC;
      vectors.set(LONG, vector + IOV_BASE, frames.address() + (long) i * ROOM);
      vectors.set(LONG, vector + IOV_LEN, ROOM);
      headers.set(LONG, header + MSG_NAME, names.address() + (long) i * SOCKADDR_ROOM);
      headers.set(INT, header + MSG_NAMELEN, SOCKADDR_ROOM);
      headers.set(LONG, header + MSG_IOV, vectors.address() + vector);
      headers.set(LONG, header + MSG_IOVLEN, 1);
      headers.set(LONG, header + MSG_CONTROL, controls.address() + (long) i * CONTROL);
      headers.set(LONG, header + MSG_CONTROLLEN, CONTROL);
      headers.set(INT, header + MSG_FLAGS, 0);
    }
  }

  private Frame frame(int i) {
    long header = (long) i * MMSGHDR;
    long name = (long) i * SOCKADDR_ROOM;
    return new Frame(
        frames,
        (long) i * ROOM,
        headers.get(INT, header + MSG_LEN),
        names.get(INT, name + LL_DEVICE),
        Short.toUnsignedInt(names.get(SHORT, name + LL_HARDWARE)),
        names.get(ValueLayout.JAVA_BYTE, name + LL_PACKET_TYPE) == PACKET_OUTGOING,
        time((long) i * CONTROL, headers.get(LONG, header + MSG_CONTROLLEN)));
  }

  /** The kernel's time of a frame: the only control message that was asked for. */
  private long time(long control, long length) {
    if (length < CMSG_DATA + 16 || controls.get(INT, control + CMSG_TYPE) != SO_TIMESTAMPNS) {
      throw new IllegalStateException("a frame without a time");
    }
    return controls.get(LONG, control + CMSG_DATA) * 1_000_000_000L
        + controls.get(LONG, control + CMSG_DATA + 8);
  }

  /**
   * Sends a frame past all rules, routes and filters. Other packet sockets see it, this one does
   * not.
   *
   * @param frame from its link header on
   */
  public void send(byte[] frame) throws ErrnoException {
    try (Arena confined = Arena.ofConfined()) {
      // A virtio-net header of zeroes: a frame that is whole, with its checksums.
      MemorySegment data = confined.allocate(VnetHeader.SIZE + frame.length, 8);
      MemorySegment.copy(frame, 0, data, ValueLayout.JAVA_BYTE, VnetHeader.SIZE, frame.length);
      ErrnoException.check(
          "send on packet socket", (int) LIBC.sendto(fd, data.address(), data.byteSize(), 0, 0, 0));
    }
  }

  /** Frames that the kernel dropped so far, since the reader was too slow. */
  public long dropped() throws ErrnoException {
    try (Arena confined = Arena.ofConfined()) {
      MemorySegment counts = confined.allocate(8, 8); // struct tpacket_stats
      MemorySegment length = confined.allocateFrom(ValueLayout.JAVA_INT, 8);
      ErrnoException.check(
          "getsockopt PACKET_STATISTICS",
          LIBC.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, counts.address(), length.address()));
      // Reading sets them back to 0.
      dropped += Integer.toUnsignedLong(counts.get(INT, 4));
      return dropped;
    }
  }

  /** Frames that came but could not be read whole. */
  public long unreadable() {
    return unreadable;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      LIBC.close(fd);
      arena.close();
    }
  }
}
