// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** Kernel settings of the calling thread's network namespace. */
public final class Sysctls {
  private static final Path ROOT = Path.of("/proc/sys");

  private Sysctls() {}

  /**
   * Reads a setting.
   *
   * @param key its path under {@code /proc/sys}
   * @return empty if there is no such setting, or its device is not there
   */
  public static Optional<String> read(String key) throws IOException {
    try {
      return Optional.of(Files.readString(path(key), StandardCharsets.US_ASCII).strip());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  static boolean exists(String key) {
    return Files.exists(path(key));
  }

  /** Writes a setting. */
  public static void write(String key, String value) throws IOException {
    Files.writeString(path(key), value, StandardCharsets.US_ASCII);
  }

  private static Path path(String key) {
    Path path = ROOT.resolve(key).normalize();
    if (!path.startsWith(ROOT)) {
      throw new IllegalArgumentException("not a kernel setting: " + key);
    }
    return path;
  }
}
