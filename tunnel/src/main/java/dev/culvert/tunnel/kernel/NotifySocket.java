// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * The socket on which a service manager hears how its service does, in the protocol of
 * sd_notify(3). The JDK has no datagram sockets of this family. Thread-safe.
 */
public final class NotifySocket {
  /** The longest wait for a manager whose queue is full. */
  public static final Duration PATIENCE = Duration.ofSeconds(1);

  private static final int SOL_SOCKET = 1;
  private static final int SO_SNDTIMEO = 21;

  /** Bytes of struct timeval: seconds and microseconds. */
  private static final int TIMEVAL = 16;

  private final byte[] path;
  private final String name;

  /**
   * A socket at {@code address}, which need not exist yet.
   *
   * @param address an absolute path, or {@code @} and the name of an abstract socket; at most 107
   *     bytes
   * @throws IllegalArgumentException for any other address; the message says why
   */
  public NotifySocket(String address) {
    byte[] bytes = address.getBytes(StandardCharsets.UTF_8);
    boolean isAbstract = address.startsWith("@");
    if (!isAbstract && !address.startsWith("/")) {
      throw new IllegalArgumentException(
          "'" + address + "' is neither an absolute path nor an abstract socket as in @name");
    }
    if (bytes.length < 2 || bytes.length > UnixAddress.LONGEST_NAME) {
      throw new IllegalArgumentException(
          "'" + address + "' has " + bytes.length + " bytes, and a socket's name has 2 to 107");
    }
    if (isAbstract) {
      bytes[0] = 0;
    }
    path = bytes;
    name = address;
  }

  /**
   * Sends one message. It waits while the manager's queue is full, up to {@link #PATIENCE}.
   *
   * @param message lines of the form {@code NAME=value}
   * @throws IOException if no manager listens, or its queue stays full
   */
  public void send(String message) throws IOException {
    send(message, List.of());
  }

  /**
   * Sends one message with descriptors, of which the manager gets copies.
   *
   * @param descriptors up to {@link DescriptorSocket#MAX_DESCRIPTORS}
   * @throws IllegalArgumentException if there are more
   * @throws IOException as {@link #send(String)} does, or if a descriptor is not open
   */
  public void send(String message, List<Integer> descriptors) throws IOException {
    // A socket of its own for each message, so that a manager that starts anew is found again.
    int type = LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC;
    int fd = ErrnoException.check("notify socket", LIBC.socket(LibC.AF_UNIX, type, 0));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment timeval = arena.allocate(TIMEVAL, 8);
      timeval.set(JAVA_LONG, 0, PATIENCE.toSeconds());
      ErrnoException.check(
          "setsockopt SO_SNDTIMEO",
          LIBC.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeval.address(), TIMEVAL));
      MemorySegment address = UnixAddress.of(arena, path);
      ErrnoException.check(
          "connect to " + name, LIBC.connect(fd, address.address(), (int) address.byteSize()));
      byte[] text = message.getBytes(StandardCharsets.UTF_8);
      MemorySegment buffer = arena.allocate(text.length);
      MemorySegment.copy(text, 0, buffer, JAVA_BYTE, 0, text.length);
      long whole = RightsMessage.toSend(arena, buffer, descriptors).address();
      if (LIBC.sendmsg(fd, whole, LibC.MSG_NOSIGNAL) < 0) {
        throw refused(Errno.last());
      }
    } finally {
      LIBC.close(fd);
    }
  }

  private ErrnoException refused(int errno) {
    String call = "send to " + name;
    return errno == Errno.EAGAIN
        ? new ErrnoException(
            call, errno, "its queue was full for " + PATIENCE.toSeconds() + " second")
        : new ErrnoException(call, errno);
  }
}
