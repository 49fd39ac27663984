// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Daemon;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A thread of another process, as the kernel has it: its name has 15 characters at most. */
public record ProcessThread(String name, int niceness) {
  public static List<ProcessThread> of(Daemon process) {
    try (Stream<Path> tasks = Files.list(Path.of("/proc", Long.toString(process.pid()), "task"))) {
      return tasks.map(ProcessThread::read).flatMap(Optional::stream).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<ProcessThread> read(Path task) {
    try {
      String stat = Files.readString(task.resolve("stat"));
      int end = stat.lastIndexOf(')');
      // The fields after the name, which is in parentheses: the third of all comes first.
      String[] fields = stat.substring(end + 2).split(" ", -1);
      return Optional.of(
          new ProcessThread(
              stat.substring(stat.indexOf('(') + 1, end), Integer.parseInt(fields[19 - 3])));
    } catch (IOException e) {
      return Optional.empty(); // It has just ended.
    }
  }

  /** Whether it moves packets of a rehearsal. */
  public boolean rehearses() {
    return name.startsWith("rehearsal-");
  }
}
