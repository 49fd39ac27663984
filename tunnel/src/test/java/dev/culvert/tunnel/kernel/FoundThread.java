// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A thread of this process as the kernel has it, with its policy and niceness. */
record FoundThread(String name, String policy, String niceness) {
  static List<FoundThread> all() throws IOException {
    List<FoundThread> all = new ArrayList<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        found(task).ifPresent(all::add);
      }
    }
    return all;
  }

  /** Empty if the thread has ended meanwhile. */
  private static Optional<FoundThread> found(Path task) throws IOException {
    try {
      String name = Files.readString(task.resolve("comm")).strip();
      String stat = Files.readString(task.resolve("stat"));
      // The fields after the name, which is in parentheses: the third of all comes first.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return Optional.of(new FoundThread(name, fields[41 - 3], fields[19 - 3]));
    } catch (IOException e) {
      if (Files.exists(task)) {
        throw e;
      }
      return Optional.empty(); // Neither the file is there nor, once it is open, the thread.
    }
  }
}
