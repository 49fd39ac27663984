// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A copy of the file of {@code discovery} that a gateway used last. It is needed at the next boot,
 * when the file's volume may not be mounted yet, or the program that writes the file has not run.
 */
final class RememberedNodes {
  private static final Logger log = LoggerFactory.getLogger(RememberedNodes.class);

  private RememberedNodes() {}

  /** Replaces the copy. A failure is only logged, since the gateway runs without the copy too. */
  static void keep(Path nodes, Path copy) {
    Path directory = Objects.requireNonNull(copy.toAbsolutePath().getParent());
    Path half = directory.resolve("." + copy.getFileName());
    try {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      Files.copy(nodes, half, StandardCopyOption.REPLACE_EXISTING);
      Files.move(half, copy, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      log.warn("{} is not kept for the guard of the next boot: {}", nodes, e.toString());
    }
  }
}
