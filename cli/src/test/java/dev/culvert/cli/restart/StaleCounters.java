// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;

/**
 * A build with the fault that tests are to find: in place of a jump ahead, every send counter that
 * is handed over goes back. The one class is compiled anew, and found before that of the build.
 */
final class StaleCounters {
  private static final String SOURCE =
      """
      package dev.culvert.tunnel.engine;

      public final class SafetyJump {
        public static final long PACKETS = 1 << 20;
        public static final long PACKETS_OF_THE_FORMER = 2 * PACKETS;

        public static long ahead(long counter, long packets, long limit) {
          return Math.max(1, counter - 500);
        }
      }
      """;

  private StaleCounters() {}

  /**
   * The command line of {@code culvert} with that fault.
   *
   * @param folder an empty one
   */
  static List<String> command(Path folder) throws IOException {
    Path source = Files.writeString(folder.resolve("SafetyJump.java"), SOURCE);
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-d", folder.toString(), source.toString());
    assertTrue(result == 0, "the class compiles");
    List<String> command = new ArrayList<>(Culvert.command());
    int classPath = command.indexOf("-cp") + 1;
    command.set(classPath, folder + File.pathSeparator + command.get(classPath));
    return command;
  }
}
