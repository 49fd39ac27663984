// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A copy of the file of {@code discovery} that a gateway used last. It is needed at the next boot,
 * when the file's volume may not be mounted yet, or the program that writes the file has not run.
 */
final class RememberedNodes {
  private static final EventLog log = EventLog.of(RememberedNodes.class);

  private RememberedNodes() {}

  /** Replaces the copy. A failure is only logged, since the gateway runs without the copy too. */
  static void keep(Path nodes, Path copy) {
    Path directory = Objects.requireNonNull(copy.toAbsolutePath().getParent());
    try {
      Files.createDirectories(directory, PrivateFile.FOLDER_MODE);
      PrivateFile.replace(copy, Files.readAllBytes(nodes));
    } catch (IOException e) {
      log.warn(
          LogEvent.NODES_UNKEPT,
          "{} is not kept for the guard of the next boot: {}",
          nodes,
          Field.reason(e));
    }
  }
}
