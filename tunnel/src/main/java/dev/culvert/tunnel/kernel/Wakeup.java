// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An eventfd by which other threads wake a thread that waits for descriptors. The waiting thread
 * owns it and closes it when it ends. A signal after that does nothing, since the descriptor's
 * number may belong to another file by then.
 */
final class Wakeup implements AutoCloseable {
  private final int fd;
  private boolean closed;

  private Wakeup(int fd) {
    this.fd = fd;
  }

  static Wakeup open() throws ErrnoException {
    int flags = LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK;
    return new Wakeup(ErrnoException.check("eventfd", LIBC.eventfd(0, flags)));
  }

  /** The descriptor to wait on, readable after a signal. Only for the owner. */
  int fd() {
    return fd;
  }

  /** Wakes the owner. Any thread, at any time. */
  synchronized void signal() {
    if (!closed) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment one = arena.allocateFrom(JAVA_LONG, 1);
        LIBC.write(fd, one.address(), 8);
      }
    }
  }

  /** Forgets the signals so far. */
  synchronized void drain() {
    if (!closed) {
      try (Arena arena = Arena.ofConfined()) {
        LIBC.read(fd, arena.allocate(8, 8).address(), 8);
      }
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      LIBC.close(fd);
    }
  }
}
