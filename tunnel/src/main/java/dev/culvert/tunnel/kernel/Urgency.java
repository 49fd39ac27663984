// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How soon this process gets a processor when others want one too. Linux decides it per thread, so
 * that all threads are told, those of the JVM's compiler included; a new thread has the urgency of
 * the thread that starts it.
 */
public final class Urgency {
  private static final EventLog LOG = EventLog.of(Urgency.class);
  private static final int[] NO_PRIORITY = {0};
  private static final Duration RETRY = Duration.ofSeconds(1);

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
    endWatch();
    long end = System.nanoTime() + most.toNanos();
    // First, so that the time has an end even if a thread cannot be told.
    watch = Thread.ofPlatform().name(WATCH).daemon().start(() -> restoreAt(end));
    ofAllThreads(policy, niceness);
  }

  private static void restoreAt(long end) {
    try {
      goOn();
      Thread.sleep(Duration.ofNanos(end - System.nanoTime()));
      while (!watchRestores()) {
        Thread.sleep(RETRY);
      }
    } catch (InterruptedException e) {
      // The time ended before, and this thread with it.
      Thread.currentThread().interrupt();
    }
  }

  /** Lets the watch go on when the other threads hardly do, as soon as those were told. */
  private static synchronized void goOn() {
    LIBC.sched_setscheduler(0, LibC.SCHED_OTHER, NO_PRIORITY);
    LIBC.setpriority(LibC.PRIO_PROCESS, 0, usual);
  }

  /** Returns whether the watch has nothing left to do. */
  private static synchronized boolean watchRestores() {
    if (Thread.currentThread() != watch) {
      return true;
    }
    try {
      tellUsual();
      watch = null;
      return true;
    } catch (IOException | UncheckedIOException e) {
      LOG.warn(
          LogEvent.REHEARSED,
          "this process still waits longer than others for a processor: {}",
          Field.reason(e));
      return false;
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
    tellUsual();
  }

  private static void tellUsual() throws IOException {
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
    ProcessThreads.tellEach(
        _ -> true,
        thread -> {
          // A thread that has ended meanwhile needs none.
          LIBC.sched_setscheduler(thread, policy, NO_PRIORITY);
          LIBC.setpriority(LibC.PRIO_PROCESS, thread, niceness);
        });
  }
}
