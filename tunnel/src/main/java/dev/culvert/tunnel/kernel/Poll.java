// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Waits for descriptors; only for threads that may block. */
public final class Poll {
  static final int FOREVER = -1;

  /** Bytes of struct pollfd: descriptor, wanted events, events that came. */
  private static final long POLLFD = 8;

  private Poll() {}

  /**
   * Waits until one of the descriptors is readable or broken; false if {@code millis} pass first.
   */
  public static boolean readable(int millis, int... fds) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pollFds = arena.allocate(POLLFD * fds.length, 8);
      for (int i = 0; i < fds.length; i++) {
        set(pollFds, i, fds[i], LibC.POLLIN);
      }
      return await(pollFds, fds.length, millis);
    }
  }

  /**
   * Waits until {@code fd} is ready for {@code event} or broken, or {@code wakeup} is readable;
   * false if {@code millis} pass first.
   */
  static boolean ready(int millis, int fd, short event, int wakeup) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pollFds = arena.allocate(POLLFD * 2, 8);
      set(pollFds, 0, fd, event);
      set(pollFds, 1, wakeup, LibC.POLLIN);
      return await(pollFds, 2, millis);
    }
  }

  private static void set(MemorySegment pollFds, int index, int fd, short event) {
    pollFds.set(JAVA_INT_UNALIGNED, POLLFD * index, fd);
    pollFds.set(JAVA_SHORT_UNALIGNED, POLLFD * index + 4, event);
  }

  private static boolean await(MemorySegment pollFds, int count, int millis) throws ErrnoException {
    while (true) {
      int ready = LIBC.poll(pollFds.address(), count, millis);
      if (ready >= 0) {
        return ready > 0;
      }
      int errno = Errno.last();
      if (errno != Errno.EINTR) {
        throw new ErrnoException("poll", errno);
      }
    }
  }
}
