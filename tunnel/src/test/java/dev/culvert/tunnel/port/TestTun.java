// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jnr.ffi.LibraryLoader;

/**
 * A TUN queue without a TUN device: one end of a pair of local datagram sockets. The lane reads the
 * packets fed here, and its packets are taken out here, one message per packet.
 */
public final class TestTun implements AutoCloseable {
  private static final int BUFFER_BYTES = 4 << 20;

  /** Calls that only tests make. */
  public interface SocketPair {
    SocketPair LIBRARY = LibraryLoader.create(SocketPair.class).failImmediately().load("c");

    int socketpair(int family, int type, int protocol, long descriptors);
  }

  private final int lanes;
  private final int ours;
  private final TunPort port;
  private boolean closed;

  public TestTun() throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pair = arena.allocate(8, 4);
      int type = LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
      ErrnoException.check(
          "socketpair", SocketPair.LIBRARY.socketpair(LibC.AF_UNIX, type, 0, pair.address()));
      lanes = pair.get(ValueLayout.JAVA_INT, 0);
      ours = pair.get(ValueLayout.JAVA_INT, 4);
    }
    new SocketOptions(lanes).bufferSize(BUFFER_BYTES);
    new SocketOptions(ours).bufferSize(BUFFER_BYTES);
    port = new TunPort(lanes);
  }

  /** The lane's end. */
  public TunPort port() {
    return port;
  }

  /** Puts a packet with its virtio-net header before the lane. */
  public void feed(MemorySegment packet, int length) {
    if (LIBC.write(ours, packet.address(), length) != length) {
      throw new IllegalStateException("the queue takes no " + length + " bytes");
    }
  }

  /** Takes the next packet of the lane, with its virtio-net header: its length, or -1 for none. */
  public int take(MemorySegment buffer) {
    return (int) LIBC.read(ours, buffer.address(), buffer.byteSize());
  }

  /** As if the device were deleted: the lane finds its descriptor gone. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      LIBC.close(lanes);
      LIBC.close(ours);
    }
  }
}
