// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * How soon this process gets a processor when others want one too. Linux decides it per thread, so
 * that all threads are told, those of the JVM's compiler included; a new thread has the urgency of
 * the thread that starts it.
 */
public final class Urgency {
  private static final Path THREADS = Path.of("/proc/self/task");
  private static final int[] NO_PRIORITY = {0};

  private static boolean lowered;

  /** The niceness before the urgency was lowered. */
  private static int usual;

  private Urgency() {}

  /**
   * Makes the process wait longer than others. Nothing changes if it could not take that back.
   *
   * @param niceness 1 to 19; the highest waits longest
   */
  public static synchronized void lower(int niceness) throws IOException {
    if (isReversible()) {
      ofAllThreads(LibC.SCHED_OTHER, niceness);
    }
  }

  /**
   * Lets the process run only while nobody else wants the processor, and makes it give way at once.
   * On a machine without any spare time it hardly goes on. Nothing changes if it could not take
   * that back.
   */
  public static synchronized void onlySpareTime() throws IOException {
    if (isReversible()) {
      ofAllThreads(LibC.SCHED_IDLE, usual);
    }
  }

  /** Gives all threads the urgency that the process had before it was lowered, if it was. */
  public static synchronized void restore() throws IOException {
    if (lowered) {
      ofAllThreads(LibC.SCHED_OTHER, usual);
      lowered = false;
    }
  }

  /** Whether the kernel lets the urgency rise again: without CAP_SYS_NICE, RLIMIT_NICE decides. */
  private static boolean isReversible() {
    if (!lowered) {
      usual = LIBC.getpriority(LibC.PRIO_PROCESS, 0);
      lowered = LIBC.setpriority(LibC.PRIO_PROCESS, 0, usual - 1) == 0;
    }
    return lowered;
  }

  private static void ofAllThreads(int policy, int niceness) throws IOException {
    List<Path> threads;
    try (Stream<Path> listed = Files.list(THREADS)) {
      threads = listed.toList();
    }
    for (Path thread : threads) {
      // A thread that has ended meanwhile needs none.
      int number = Integer.parseInt(String.valueOf(thread.getFileName()));
      LIBC.sched_setscheduler(number, policy, NO_PRIORITY);
      LIBC.setpriority(LibC.PRIO_PROCESS, number, niceness);
    }
  }
}
