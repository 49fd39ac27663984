// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs programs that print the kernel's state. */
final class Tool {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** The most bytes of one output that are kept. */
  private static final int MOST = 8 << 20;

  private Tool() {}

  /**
   * The output of a program.
   *
   * @throws IOException if it is not installed, fails, or does not end in time
   */
  static String output(String program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(find(program).toString()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    // It ends the read below too.
    CompletableFuture.delayedExecutor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
        .execute(process::destroyForcibly);
    try (InputStream in = process.getInputStream()) {
      String text = new String(in.readNBytes(MOST), UTF_8);
      boolean cut = in.read() >= 0;
      process.destroy();
      if (!cut && process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ": " + text.strip());
      }
      return cut ? text + "\n(cut here)\n" : text;
    } finally {
      process.destroyForcibly();
    }
  }

  private static Path find(String program) throws IOException {
    String path = Objects.requireNonNullElse(System.getenv("PATH"), "/usr/bin:/bin");
    return Stream.concat(Stream.of(path.split(File.pathSeparator)), Stream.of("/usr/sbin", "/sbin"))
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> new IOException(program + " is not installed"));
  }
}
