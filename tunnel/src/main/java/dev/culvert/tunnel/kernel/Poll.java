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

  private Poll() {}

  /**
   * Waits until one of the descriptors is readable or broken; false if {@code millis} pass first.
   */
  public static boolean readable(int millis, int... fds) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pollFds = arena.allocate(8L * fds.length, 8);
      for (int i = 0; i < fds.length; i++) {
        pollFds.set(JAVA_INT_UNALIGNED, 8L * i, fds[i]);
        pollFds.set(JAVA_SHORT_UNALIGNED, 8L * i + 4, LibC.POLLIN);
      }
      while (true) {
        int ready = LIBC.poll(pollFds.address(), fds.length, millis);
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
}
