// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A connection between two processes of one machine whose messages carry descriptors: a local
 * socket of type SOCK_SEQPACKET. One thread at a time may send, and one receive; any may close it.
 */
public final class DescriptorSocket implements AutoCloseable {
  /** The most descriptors of one message; whoever has more sends several messages. */
  public static final int MAX_DESCRIPTORS = RightsMessage.MAX_DESCRIPTORS;

  /** Bytes of the longest message; the shortest has one byte. */
  public static final int MAX_BYTES = 1 << 16;

  /** The longest wait for a receiver whose buffer is full. */
  public static final Duration SEND_PATIENCE = Duration.ofSeconds(1);

  private static final int SO_PEERCRED = 17;

  /** Bytes of struct ucred: process, user, group. */
  private static final int UCRED = 12;

  private static final int TYPE = LibC.SOCK_SEQPACKET | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;

  /**
   * The other end when it connected or listened, as the kernel knows it.
   *
   * @param pid 0 if the process is not visible in this process's PID namespace
   */
  public record Peer(int pid, int uid, int gid) {}

  /**
   * A message.
   *
   * @param descriptors the receiver's own, closed in programs that it starts
   */
  @SuppressWarnings("ArrayRecordComponent") // the bytes are the receiver's alone
  public record Message(byte[] bytes, List<Integer> descriptors) implements AutoCloseable {
    public Message {
      descriptors = List.copyOf(descriptors);
    }

    /** Closes the descriptors, for a receiver that has no use for them. */
    @Override
    public void close() {
      descriptors.forEach(LIBC::close);
    }
  }

  /** Accepts connections at a name in the file system, with mode 0600 from the first moment. */
  public static final class Listener implements AutoCloseable {
    private final Descriptor descriptor;
    private final SocketFile file;

    private Listener(Descriptor descriptor, SocketFile file) {
      this.descriptor = descriptor;
      this.file = file;
    }

    /**
     * Listens at {@code path}. A name that a dead process left is replaced.
     *
     * @throws java.nio.file.FileAlreadyExistsException if a process listens there
     */
    public static Listener open(Path path) throws IOException {
      return open(path, SocketFile::bind);
    }

    /**
     * Listens at {@code path} in place of the process that listens there, if one does. At any
     * moment the name leads to one of the two; connections to the other one stay as they are.
     */
    public static Listener takeOver(Path path) throws IOException {
      return open(path, SocketFile::bindOver);
    }

    @FunctionalInterface
    private interface Binding {
      SocketFile bind(int fd, Path path) throws IOException;
    }

    private static Listener open(Path path, Binding binding) throws IOException {
      Descriptor descriptor = newSocket();
      try {
        return new Listener(descriptor, binding.bind(descriptor.fd(), path));
      } catch (IOException | RuntimeException e) {
        descriptor.close();
        throw e;
      }
    }

    /**
     * Waits for a connection.
     *
     * @throws SocketTimeoutException if none comes in time
     * @throws java.nio.channels.ClosedChannelException if this is closed, now or meanwhile
     */
    public DescriptorSocket accept(Duration patience) throws IOException {
      long deadline = System.nanoTime() + patience.toNanos();
      while (true) {
        long fd =
            descriptor.call(
                number -> LIBC.accept4(number, 0, 0, LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC));
        if (fd >= 0) {
          return new DescriptorSocket(Descriptor.owning((int) fd));
        }
        await(descriptor, LibC.POLLIN, "accept", (int) -fd, deadline);
      }
    }

    /**
     * Stops listening, and leaves the name to a process that calls {@link #takeOver}. If this
     * looked whether the name still leads here and then removed it, the name could be the other
     * process's by then. Any thread.
     */
    public void leave() {
      descriptor.close();
    }

    /** Stops listening and removes the name, if it still leads to this. Any thread. */
    @Override
    public void close() throws IOException {
      try {
        file.delete();
      } finally {
        descriptor.close();
      }
    }
  }

  private final Descriptor descriptor;

  private DescriptorSocket(Descriptor descriptor) {
    this.descriptor = descriptor;
  }

  private static Descriptor newSocket() throws ErrnoException {
    return Descriptor.owning(
        ErrnoException.check("local socket", LIBC.socket(LibC.AF_UNIX, TYPE, 0)));
  }

  /**
   * Connects to the listener at {@code path}.
   *
   * @throws ErrnoException ENOENT or ECONNREFUSED if none listens there, EAGAIN if its queue of
   *     connections is full, EPROTOTYPE if it is a socket of another type
   */
  public static DescriptorSocket connect(Path path) throws IOException {
    Descriptor descriptor = newSocket();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = UnixAddress.of(arena, path);
      check(
          "connect to " + path,
          descriptor.call(fd -> LIBC.connect(fd, address.address(), (int) address.byteSize())));
      return new DescriptorSocket(descriptor);
    } catch (IOException | RuntimeException e) {
      descriptor.close();
      throw e;
    }
  }

  /** Two ends of a connection without a name, both in this process. */
  public static List<DescriptorSocket> pair() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment fds = arena.allocate(8, 4);
      ErrnoException.check("socketpair", LIBC.socketpair(LibC.AF_UNIX, TYPE, 0, fds.address()));
      int second = fds.get(JAVA_INT, 4);
      try {
        DescriptorSocket first = new DescriptorSocket(Descriptor.owning(fds.get(JAVA_INT, 0)));
        return List.of(first, new DescriptorSocket(Descriptor.owning(second)));
      } catch (ErrnoException e) {
        LIBC.close(second);
        throw e;
      }
    }
  }

  /** The process at the other end. */
  public Peer peer() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment peer = arena.allocate(UCRED, 4);
      MemorySegment length = arena.allocateFrom(JAVA_INT, UCRED);
      check(
          "getsockopt SO_PEERCRED",
          descriptor.call(
              fd ->
                  LIBC.getsockopt(
                      fd,
                      RightsMessage.SOL_SOCKET,
                      SO_PEERCRED,
                      peer.address(),
                      length.address())));
      return new Peer(peer.get(JAVA_INT, 0), peer.get(JAVA_INT, 4), peer.get(JAVA_INT, 8));
    }
  }

  /** Sends {@code bytes} with {@code descriptors}; see {@link #send(MemorySegment, List)}. */
  public void send(byte[] bytes, List<Integer> descriptors) throws IOException {
    send(MemorySegment.ofArray(bytes), descriptors);
  }

  /**
   * Sends one message. It waits while the receiver's buffer is full, up to {@link #SEND_PATIENCE}.
   *
   * @param bytes 1 to {@link #MAX_BYTES} bytes
   * @param descriptors up to {@link #MAX_DESCRIPTORS}; the receiver gets copies, and these stay the
   *     caller's
   * @throws IllegalArgumentException for any other number of bytes or descriptors
   * @throws SocketTimeoutException if the buffer stays full
   * @throws ErrnoException EPIPE or ECONNRESET if the other end is closed, EBADF if a descriptor is
   */
  public void send(MemorySegment bytes, List<Integer> descriptors) throws IOException {
    long size = bytes.byteSize();
    if (size < 1 || size > MAX_BYTES) {
      throw new IllegalArgumentException(
          size + " bytes, and a message has 1 to " + MAX_BYTES + " bytes");
    }
    long deadline = System.nanoTime() + SEND_PATIENCE.toNanos();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(size).copyFrom(bytes);
      RightsMessage message = RightsMessage.toSend(arena, copy, descriptors);
      int flags = LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL;
      while (true) {
        long sent = descriptor.call(fd -> LIBC.sendmsg(fd, message.address(), flags));
        if (sent >= 0) {
          return;
        }
        await(descriptor, LibC.POLLOUT, "send a message", (int) -sent, deadline);
      }
    }
  }

  /**
   * Waits for the next message.
   *
   * @throws SocketTimeoutException if none comes in time
   * @throws EOFException if the other end is closed, and all its messages were received
   * @throws ProtocolException if the message is empty, or came cut off or without some of its
   *     descriptors, such as when this process may have no more; those that came are closed
   * @throws java.nio.channels.ClosedChannelException if this is closed, now or meanwhile
   */
  public Message receive(Duration patience) throws IOException {
    return receive(patience, MAX_BYTES, MAX_DESCRIPTORS);
  }

  Message receive(Duration patience, int maxBytes, int maxDescriptors) throws IOException {
    long deadline = System.nanoTime() + patience.toNanos();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(maxBytes);
      while (true) {
        RightsMessage message = RightsMessage.toReceive(arena, bytes, maxDescriptors);
        int flags = LibC.MSG_DONTWAIT | LibC.MSG_CMSG_CLOEXEC;
        long received = descriptor.call(fd -> LIBC.recvmsg(fd, message.address(), flags));
        if (received >= 0) {
          return received(message, bytes.asSlice(0, received));
        }
        // The other end closed without reading our messages. Told once; its own may be waiting.
        if (received != -Errno.ECONNRESET) {
          await(descriptor, LibC.POLLIN, "receive a message", (int) -received, deadline);
        }
      }
    }
  }

  private static Message received(RightsMessage message, MemorySegment bytes) throws IOException {
    Message result = new Message(bytes.toArray(JAVA_BYTE), message.received());
    int flags = message.flags();
    if ((flags & (LibC.MSG_TRUNC | LibC.MSG_CTRUNC)) != 0) {
      result.close();
      boolean whole = (flags & LibC.MSG_TRUNC) == 0;
      throw new ProtocolException(
          whole ? "a message without some of its descriptors" : "a message that is too long");
    }
    if (bytes.byteSize() == 0) {
      if (result.descriptors().isEmpty()) {
        throw new EOFException("the other end closed the connection");
      }
      result.close();
      throw new ProtocolException("a message without content");
    }
    return result;
  }

  /** Waits before another attempt at a call that failed with {@code errno}. */
  private static void await(
      Descriptor descriptor, short event, String call, int errno, long deadline)
      throws IOException {
    if (errno == Errno.EINTR) {
      return;
    }
    if (errno != Errno.EAGAIN) {
      throw new ErrnoException(call, errno);
    }
    Duration rest = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    if (descriptor.await(event, rest) == Descriptor.Outcome.TIMED_OUT) {
      throw new SocketTimeoutException(call + ": the time is over");
    }
  }

  private static void check(String call, long result) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, (int) -result);
    }
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
