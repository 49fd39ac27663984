// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The threads of the JVM's compilers, made to wait longer for a processor than the other threads of
 * the process, until this is closed. Linux has a niceness per thread.
 */
public final class CompilerThreads implements AutoCloseable {
  private static final Path THREADS = Path.of("/proc/self/task");

  /** As the JVM names them; Linux cuts names after 15 characters. */
  private static final Pattern NAME = Pattern.compile("C[12] CompilerThre.*");

  /** The niceness that each thread had before. */
  private final Map<Integer, Integer> usual = new HashMap<>();

  private CompilerThreads() {}

  /**
   * Sets their niceness, unless the kernel would not let them have the old one again: without
   * CAP_SYS_NICE, RLIMIT_NICE decides.
   *
   * @param niceness 1 to 19; the highest waits longest
   */
  public static CompilerThreads lowered(int niceness) throws IOException {
    CompilerThreads compilers = new CompilerThreads();
    for (int thread : threads()) {
      int usual = LIBC.getpriority(LibC.PRIO_PROCESS, thread);
      if (mayHave(usual)) {
        compilers.usual.put(thread, usual);
        LIBC.setpriority(LibC.PRIO_PROCESS, thread, niceness);
      }
    }
    return compilers;
  }

  /** Tries it with this thread. */
  private static boolean mayHave(int niceness) {
    int own = LIBC.getpriority(LibC.PRIO_PROCESS, 0);
    return LIBC.setpriority(LibC.PRIO_PROCESS, 0, niceness) == 0
        && LIBC.setpriority(LibC.PRIO_PROCESS, 0, own) == 0;
  }

  /** Gives them their niceness back, also to those that another one has started meanwhile. */
  @Override
  public void close() throws IOException {
    if (!usual.isEmpty()) {
      int least = Collections.min(usual.values());
      for (int thread : threads()) {
        LIBC.setpriority(LibC.PRIO_PROCESS, thread, usual.getOrDefault(thread, least));
      }
    }
  }

  private static List<Integer> threads() throws IOException {
    try (Stream<Path> all = Files.list(THREADS)) {
      return all.filter(CompilerThreads::compiles)
          .map(thread -> Integer.valueOf(thread.getFileName().toString()))
          .toList();
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
