// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.tunnel.state.SequenceFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A program that spends most sequence numbers of each manual key on this machine, as months of
 * traffic do.
 */
final class SpentSequences {
  private static final long SPACE = 1L << 32;
  private static final long LEFT = 200_000_000;

  private SpentSequences() {}

  /** The command. */
  static List<String> command() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        SpentSequences.class.getName());
  }

  public static void main(String[] arguments) throws Exception {
    Path records = Path.of("/var/lib/culvert/sequences");
    SequenceFiles files = new SequenceFiles(records, Path.of("/run/culvert/sequences"));
    for (Path record : records(records)) {
      files.reserve(record.getFileName().toString(), SPACE - LEFT, SPACE);
    }
  }

  private static List<Path> records(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return new ArrayList<>(files.toList());
    }
  }
}
