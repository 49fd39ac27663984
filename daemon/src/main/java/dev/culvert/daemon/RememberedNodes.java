// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    try {
      Files.createDirectories(directory, PrivateFile.FOLDER_MODE);
      PrivateFile.replace(copy, Files.readAllBytes(nodes));
    } catch (IOException e) {
      log.warn("{} is not kept for the guard of the next boot: {}", nodes, e.toString());
    }
  }
}
