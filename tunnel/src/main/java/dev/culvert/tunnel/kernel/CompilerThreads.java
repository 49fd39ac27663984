// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.regex.Pattern;

/**
 * The threads of the JVM's compilers, made to wait longer for a processor than the other threads of
 * the process, until the last user of this closes it. Linux has a niceness per thread.
 */
public final class CompilerThreads implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(CompilerThreads.class);

  /** As the JVM names them; Linux cuts names after 15 characters. */
  private static final Pattern NAME = Pattern.compile("C[12] CompilerThre.*");

  /** The niceness that each lowered thread had before. */
  private static final Map<Integer, Integer> USUAL = new HashMap<>();

  private static int users;

  private CompilerThreads() {}

  /**
   * Sets their niceness, unless another user did so before, or the kernel would not let them have
   * the old one again: without CAP_SYS_NICE, RLIMIT_NICE decides. A failure is logged.
   *
   * @param niceness 1 to 19; the highest waits longest
   */
  public static CompilerThreads lowered(int niceness) {
    synchronized (USUAL) {
      if (users++ == 0) {
        tell(
            thread -> {
              int usual = LIBC.getpriority(LibC.PRIO_PROCESS, thread);
              if (usual < niceness
                  && mayRiseTo(usual)
                  && LIBC.setpriority(LibC.PRIO_PROCESS, thread, niceness) == 0) {
                USUAL.put(thread, usual);
              }
            });
      }
      return new CompilerThreads();
    }
  }

  /** Whether the process may have less niceness than this one; tries it with this thread. */
  private static boolean mayRiseTo(int niceness) {
    int own = LIBC.getpriority(LibC.PRIO_PROCESS, 0);
    return LIBC.setpriority(LibC.PRIO_PROCESS, 0, Math.min(own, niceness) - 1) == 0
        && LIBC.setpriority(LibC.PRIO_PROCESS, 0, own) == 0;
  }

  /** Whether the compilers wait longer than others now. */
  public boolean areLowered() {
    synchronized (USUAL) {
      return !USUAL.isEmpty();
    }
  }

  /** Gives them their niceness back, also to those that another one has started meanwhile. */
  @Override
  public void close() {
    synchronized (USUAL) {
      if (--users > 0 || USUAL.isEmpty()) {
        return;
      }
      int least = Collections.min(USUAL.values());
      USUAL.forEach((thread, usual) -> LIBC.setpriority(LibC.PRIO_PROCESS, thread, usual));
      tell(
          thread -> {
            if (!USUAL.containsKey(thread)) {
              LIBC.setpriority(LibC.PRIO_PROCESS, thread, least);
            }
          });
      USUAL.clear();
    }
  }

  private static void tell(IntConsumer message) {
    try {
      ProcessThreads.tellEach(CompilerThreads::compiles, message);
    } catch (IOException | UncheckedIOException e) {
      LOG.warn(
          LogEvent.CIPHER_FAILED,
          "the JVM's compilers keep the priority that they have: {}",
          Field.reason(e));
    }
  }

  private static boolean compiles(Path thread) {
    try {
      return NAME.matcher(Files.readString(thread.resolve("comm")).strip()).matches();
    } catch (IOException e) {
      return false; // It has ended meanwhile.
    }
  }
}
