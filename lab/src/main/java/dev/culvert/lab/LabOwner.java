// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The process that a lab belongs to. A process id alone is reused in time; together with the time
 * of the process's start it is unique.
 *
 * @param startTicks clock ticks from the machine's boot to the process's start
 */
record LabOwner(long pid, long startTicks) {
  /** Field 22 of proc_pid_stat(5), counted behind the command, which may hold any character. */
  private static final int START_BEHIND_COMMAND = 22 - 3;

  /** This process. */
  static LabOwner self() {
    long pid = ProcessHandle.current().pid();
    return of(pid).orElseThrow(() -> new LabException("this process is not in /proc"));
  }

  /** The process of that id, if there is one now. */
  static Optional<LabOwner> of(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return Optional.of(new LabOwner(pid, Long.parseLong(fields[START_BEHIND_COMMAND])));
    } catch (IOException e) {
      return Optional.empty(); // No such process, or it ends just now.
    }
  }

  boolean isAlive() {
    return of(pid).filter(this::equals).isPresent();
  }

  void write(Path file) {
    LabFiles.writePrivate(file, pid + " " + startTicks + "\n");
  }

  /** The owner that was written to the file; empty if there is no file, or no owner in it. */
  static Optional<LabOwner> read(Path file) {
    try {
      String[] fields = Files.readString(file).strip().split(" ", -1);
      return fields.length == 2
          ? Optional.of(new LabOwner(Long.parseLong(fields[0]), Long.parseLong(fields[1])))
          : Optional.empty();
    } catch (NoSuchFileException | NumberFormatException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
