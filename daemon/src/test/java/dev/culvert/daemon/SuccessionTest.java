// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.gateway.DeviceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A process that is about to end does not take a gateway over. */
final class SuccessionTest {
  /** A process that tries to take over when it may, and again when a signal ends it. */
  static final class EndingProcess {
    private EndingProcess() {}

    @SuppressWarnings("SystemOut") // The test reads it.
    static void tell(String when) {
      try {
        Succession.requireNotEnding();
        System.out.println(when + ": may take over");
      } catch (DeviceException e) {
        System.out.println(when + ": " + e.getMessage());
      }
    }

    /** Runs until it is terminated. */
    public static void main(String[] arguments) throws InterruptedException {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> tell("ending")));
      tell("running");
      Thread.sleep(60_000);
    }
  }

  @Test
  void aProcessThatASignalIsAboutToEndDoesNotTakeOver() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                List.of(
                    System.getProperty("java.home") + "/bin/java",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path")),
                    EndingProcess.class.getName()))
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output = process.inputReader()) {
      assertEquals("running: may take over", output.readLine());
      process.toHandle().destroy(); // Process.destroy() would cut off its last output.
      assertTrue(process.waitFor(30, TimeUnit.SECONDS));
      assertEquals("ending: this process is about to end", output.readLine());
      assertEquals(143, process.exitValue());
    } finally {
      process.destroyForcibly();
    }
  }
}
