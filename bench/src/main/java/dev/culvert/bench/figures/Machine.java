// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.figures;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The machine on which figures are measured. */
public final class Machine {
  private Machine() {}

  /** Processor, number of processors and kernel, for people. */
  public static String describe() throws IOException {
    String processor;
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"), UTF_8)) {
      processor =
          lines
              .filter(line -> line.startsWith("model name"))
              .map(line -> line.replaceFirst("[^:]*:\\s*", ""))
              .findFirst()
              .orElse(System.getProperty("os.arch"));
    }
    return "%s, %d processors, Linux %s"
        .formatted(
            processor,
            Runtime.getRuntime().availableProcessors(),
            System.getProperty("os.version").replaceFirst("-.*", ""));
  }
}
