// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Makes this process wait for others at the processor, for work that is not urgent. Linux has a
 * niceness per thread, so that all threads are asked, those of the JVM's compiler included.
 */
public final class Niceness implements AutoCloseable {
  private static final Path THREADS = Path.of("/proc/self/task");

  private final boolean raised;

  private Niceness(boolean raised) {
    this.raised = raised;
  }

  /**
   * Raises the niceness of all threads, if this process may lower it again: it stays as it is
   * otherwise.
   *
   * @param niceness 1 to 19; the highest waits longest
   */
  public static Niceness raise(int niceness) throws IOException {
    // Refused without CAP_SYS_NICE, unless RLIMIT_NICE allows it.
    boolean reversible = LIBC.setpriority(LibC.PRIO_PROCESS, 0, -1) == 0;
    if (reversible) {
      ofAllThreads(niceness);
    }
    return new Niceness(reversible);
  }

  private static void ofAllThreads(int niceness) throws IOException {
    List<Path> threads;
    try (Stream<Path> listed = Files.list(THREADS)) {
      threads = listed.toList();
    }
    for (Path thread : threads) {
      // A thread that has ended meanwhile needs none.
      int number = Integer.parseInt(String.valueOf(thread.getFileName()));
      LIBC.setpriority(LibC.PRIO_PROCESS, number, niceness);
    }
  }

  /** Sets the niceness of all threads to 0, the usual one. */
  @Override
  public void close() throws IOException {
    if (raised) {
      ofAllThreads(0);
    }
  }
}
