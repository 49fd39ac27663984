// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How soon this process gets a processor when others want one too. Linux decides it per thread, so
 * that all threads are told, those of the JVM's compiler included; a new thread has the urgency of
 * the thread that starts it.
 */
public final class Urgency {
  private static final Path THREADS = Path.of("/proc/self/task");
  private static final int[] NO_PRIORITY = {0};

  /** The name of the thread that ends a time of lower urgency. */
  static final String WATCH = "urgency";

  private static boolean lowered;

  /** The niceness before the urgency was lowered. */
  private static int usual;

  private static @Nullable Thread watch;

  private Urgency() {}

  /**
   * Makes the process wait longer than others, for a time. Nothing changes if it could not take
   * that back.
   *
   * @param niceness 1 to 19; the highest waits longest
   * @param most after which the process has its usual urgency again: on a machine that is always
   *     busy it would hardly go on
   */
  public static synchronized void lower(int niceness, Duration most) throws IOException {
    if (isReversible()) {
      lower(LibC.SCHED_OTHER, niceness, most);
    }
  }

  /**
   * Lets the process run only while nobody else wants the processor, and makes it give way at once,
   * for a time. Nothing changes if it could not take that back.
   *
   * @param most after which the process has its usual urgency again
   */
  public static synchronized void onlySpareTime(Duration most) throws IOException {
    if (isReversible()) {
      lower(LibC.SCHED_IDLE, usual, most);
    }
  }

  private static void lower(int policy, int niceness, Duration most) throws IOException {
    ofAllThreads(policy, niceness);
    endWatch();
    watch = Thread.ofPlatform().name(WATCH).daemon().start(() -> restoreAfter(most));
  }

  private static void restoreAfter(Duration most) {
    // This thread has to go on when the others hardly do.
    LIBC.sched_setscheduler(0, LibC.SCHED_OTHER, NO_PRIORITY);
    try {
      Thread.sleep(most);
      synchronized (Urgency.class) {
        if (Thread.currentThread() == watch) {
          watch = null;
          restore();
        }
      }
    } catch (InterruptedException e) {
      // The time ended before, and this thread with it.
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void endWatch() {
    if (watch != null) {
      watch.interrupt();
      watch = null;
    }
  }

  /** Gives all threads the urgency that the process had before it was lowered, if it was. */
  public static synchronized void restore() throws IOException {
    endWatch();
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

  /** Looks until there is no thread that was started meanwhile by one that was not told yet. */
  private static void ofAllThreads(int policy, int niceness) throws IOException {
    Set<Integer> told = new HashSet<>();
    for (List<Integer> threads = threads(); !told.containsAll(threads); threads = threads()) {
      for (int thread : threads) {
        if (told.add(thread)) {
          // A thread that has ended meanwhile needs none.
          LIBC.sched_setscheduler(thread, policy, NO_PRIORITY);
          LIBC.setpriority(LibC.PRIO_PROCESS, thread, niceness);
        }
      }
    }
  }

  private static List<Integer> threads() throws IOException {
    try (Stream<Path> listed = Files.list(THREADS)) {
      return listed.map(thread -> Integer.valueOf(thread.getFileName().toString())).toList();
    }
  }
}
