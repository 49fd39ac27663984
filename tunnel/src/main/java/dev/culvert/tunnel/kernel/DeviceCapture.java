// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Every frame that enters or leaves one device, through a packet socket (packet(7)): it sees
 * leaving packets after all rules, routes and filters. Not thread-safe.
 */
public final class DeviceCapture implements AutoCloseable {
  private static final int AF_PACKET = 17;
  private static final int ETH_P_ALL = 3;
  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int RECEIVE_BUFFER = 16 << 20;

  /** Bytes of struct sockaddr_ll. */
  private static final int ADDRESS = 20;

  /** More bytes than a super-packet has. */
  private static final int LARGEST_FRAME = 1 << 17;

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment frame = arena.allocate(LARGEST_FRAME, 8);
  private final String device;
  private final int fd;

  private DeviceCapture(String device, int fd) {
    this.device = device;
    this.fd = fd;
  }

  /** Begins to capture on a device of the calling thread's network namespace. */
  public static DeviceCapture open(String device) throws IOException {
    int index;
    try (Netlink netlink = Netlink.open()) {
      index = new Links(netlink).get(device).index();
    }
    int fd =
        ErrnoException.check(
            "open a packet socket",
            LIBC.socket(
                AF_PACKET,
                LibC.SOCK_RAW | LibC.SOCK_CLOEXEC | LibC.SOCK_NONBLOCK,
                Short.toUnsignedInt(Short.reverseBytes((short) ETH_P_ALL))));
    DeviceCapture capture = new DeviceCapture(device, fd);
    try {
      capture.bind(index);
      return capture;
    } catch (IOException e) {
      capture.close();
      throw e;
    }
  }

  private void bind(int index) throws IOException {
    ByteBuffer address = ByteBuffer.allocate(ADDRESS).order(ByteOrder.nativeOrder());
    address.putShort((short) AF_PACKET);
    address.putShort(Short.reverseBytes((short) ETH_P_ALL));
    address.putInt(index);
    MemorySegment name = arena.allocateFrom(JAVA_BYTE, address.array());
    ErrnoException.check(
        "capture on " + device, LIBC.bind(fd, name.address(), (int) name.byteSize()));
    ByteBuffer room = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(RECEIVE_BUFFER);
    MemorySegment value = arena.allocateFrom(JAVA_BYTE, room.array());
    ErrnoException.check(
        "make room for a capture",
        LIBC.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, value.address(), 4));
  }

  /**
   * Sends a frame past all rules, routes and filters; other captures see it.
   *
   * @param bytes the frame from its link header on
   */
  public void send(byte[] bytes) throws IOException {
    MemorySegment data = arena.allocateFrom(JAVA_BYTE, bytes);
    ErrnoException.check(
        "send on " + device, (int) LIBC.sendto(fd, data.address(), data.byteSize(), 0, 0, 0));
  }

  /**
   * The next frame, from its link header on.
   *
   * @return empty if no frame comes in time
   */
  public byte[] next(int timeoutMillis) throws IOException {
    if (!Poll.readable(timeoutMillis, fd)) {
      return new byte[0];
    }
    long length = LIBC.recv(fd, frame.address(), frame.byteSize(), LibC.MSG_DONTWAIT);
    if (length < 0) {
      int errno = Errno.last();
      if (errno == Errno.EAGAIN || errno == Errno.EINTR) {
        return new byte[0];
      }
      throw new ErrnoException("read the capture on " + device, errno);
    }
    return frame.asSlice(0, length).toArray(JAVA_BYTE);
  }

  public String device() {
    return device;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      LIBC.close(fd);
      arena.close();
    }
  }
}
