// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Whether standard error leads to systemd's journal. */
public final class Journal {
  private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");

  private Journal() {}

  /** Whether {@code JOURNAL_STREAM} names this process's standard error. */
  public static boolean hasStandardError() {
    return names(System.getenv("JOURNAL_STREAM"), STANDARD_ERROR);
  }

  /**
   * Whether {@code stream}, a device and an inode as in {@code 9:123456}, is this file. The
   * variable alone says little, since a child process inherits it and may have another standard
   * error.
   */
  static boolean names(@Nullable String stream, Path file) {
    if (stream == null || stream.isEmpty()) {
      return false;
    }
    try {
      Map<String, Object> identity = Files.readAttributes(file, "unix:dev,ino");
      return stream.equals(identity.get("dev") + ":" + identity.get("ino"));
    } catch (IOException e) {
      return false; // A closed standard error leads nowhere.
    }
  }
}
