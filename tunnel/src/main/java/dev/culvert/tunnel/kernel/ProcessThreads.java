// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The threads of this process, those of the JVM included. */
final class ProcessThreads {
  private static final Path THREADS = Path.of("/proc/self/task");

  private ProcessThreads() {}

  /**
   * Gives the number of each thread once, until there is none that was started meanwhile by one
   * that was not told yet.
   *
   * @param wanted whether a thread, by its folder in /proc, is to be told
   * @param tell takes the number of a thread, which may have ended meanwhile
   * @throws java.io.UncheckedIOException as well, if the threads cannot be listed
   */
  static void tellEach(Predicate<Path> wanted, IntConsumer tell) throws IOException {
    Set<Integer> told = new HashSet<>();
    for (List<Integer> threads = of(wanted); !told.containsAll(threads); threads = of(wanted)) {
      for (int thread : threads) {
        if (told.add(thread)) {
          tell.accept(thread);
        }
      }
    }
  }

  private static List<Integer> of(Predicate<Path> wanted) throws IOException {
    try (Stream<Path> listed = Files.list(THREADS)) {
      return listed
          .filter(wanted)
          .map(thread -> Integer.valueOf(thread.getFileName().toString()))
          .toList();
    }
  }
}
