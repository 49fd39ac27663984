// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ./run-tests} ends Maven, and all that Maven started, when it is ended itself. */
@Tag("integration")
final class RunTestsTest {
  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.tool("mvn");
    Launchers.culvert(); // which is built: else a Maven that does nothing would have to build it
  }

  /** In place of Maven, a program that starts another one and waits for it. */
  private void standInForMaven() throws IOException {
    Path maven =
        Files.writeString(
            folder.resolve("mvn"), "#!/bin/sh\nsleep 1000 &\necho \"started $! $$\"\nwait\n");
    Files.setPosixFilePermissions(maven, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130"})
  void aSignalEndsMavenAndWhatItStarted(String signal, int exitCode) throws IOException {
    standInForMaven();
    // A process that a shell starts in the background ignores the interrupt.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(List.of(Culvert.launcher("run-tests").toString(), "--unit"));
    try (Daemon tests =
        Daemon.start(Map.of("PATH", folder + ":" + System.getenv("PATH")), command)) {
      String[] started = tests.awaitLine("started ").split(" ", -1);
      tests.signal(signal);
      assertEquals(exitCode, tests.awaitEnd(Commands.PATIENCE), tests::output);
      for (String pid : started) {
        assertTrue(Waiting.until(Commands.PATIENCE, () -> hasEnded(pid)), tests::output);
      }
    }
  }

  private static boolean hasEnded(String pid) {
    return ProcessHandle.of(Long.parseLong(pid)).filter(ProcessHandle::isAlive).isEmpty();
  }
}
