// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The kernel's CLOCK_MONOTONIC, which all processes of the machine share. {@link System#nanoTime}
 * promises no such origin.
 */
public final class MonotonicClock {
  private MonotonicClock() {}

  /** Microseconds since the machine started, without those during which it was suspended. */
  public static long micros() throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment time = arena.allocate(16, 8);
      ErrnoException.check(
          "clock_gettime", LIBC.clock_gettime(LibC.CLOCK_MONOTONIC, time.address()));
      return time.get(JAVA_LONG, 0) * 1_000_000 + time.get(JAVA_LONG, 8) / 1000;
    }
  }
}
