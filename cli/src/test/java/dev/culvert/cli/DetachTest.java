// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The launcher's wait for a command that leaves the terminal. */
class DetachTest {
  /**
   * Launches a shell in place of Java, which says of each signal that it heard it.
   *
   * @param then the rest of its script
   */
  private static Daemon launch(String then) {
    String command =
        """
        trap 'echo heard TERM; kill $!; exit 143' TERM
        trap 'echo heard INT; kill $!; exit 130' INT
        echo starting
        """;
    String script =
        """
        set -euo pipefail
        . "$1"
        java=(bash -c "$2")
        detach
        """;
    return Daemon.start(
        Map.of(),
        List.of(
            "bash",
            "-c",
            script,
            "launcher",
            Culvert.launcher("bin/launch.sh").toString(),
            command + then));
  }

  @Test
  void theLauncherReturnsWhenTheCommandIsReady() {
    try (Daemon launcher = launch("echo culvert: ready; exec >&- 2>&-; sleep 1")) {
      assertEquals(0, launcher.awaitEnd(Commands.PATIENCE), launcher::output);
    }
  }

  @Test
  void theLauncherEndsAsACommandThatIsNeverReady() {
    try (Daemon launcher = launch("exit 3")) {
      assertEquals(3, launcher.awaitEnd(Commands.PATIENCE), launcher::output);
    }
  }

  /** Otherwise the command would go on without a terminal after Ctrl-C. */
  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130"})
  void aSignalBeforeThatEndsTheCommand(String signal, int status) {
    try (Daemon launcher = launch("sleep 60 & wait")) {
      launcher.awaitOutput("starting");
      launcher.signal(signal);
      assertEquals(status, launcher.awaitEnd(Commands.PATIENCE), launcher::output);
      assertTrue(launcher.output().contains("heard " + signal), launcher::output);
    }
  }
}
