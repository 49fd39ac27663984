// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import picocli.CommandLine;

/** Prints keys. */
final class KeyOutput {
  private static final Path STDOUT = Path.of("/proc/self/fd/1");

  private KeyOutput() {}

  /** Prints a secret and wipes it; warns if it goes into a file that other users can read. */
  static void secret(CommandLine command, byte[] key) throws IOException {
    warn(command);
    print(command, key);
    Arrays.fill(key, (byte) 0);
  }

  /**
   * Prints ASCII text that is a secret, and wipes it; warns if it goes into a file that other users
   * can read.
   */
  static void secretLine(CommandLine command, byte[] line) throws IOException {
    warn(command);
    PrintWriter out = command.getOut();
    for (byte b : line) {
      out.write(b);
    }
    out.flush();
    Arrays.fill(line, (byte) 0);
  }

  private static void warn(CommandLine command) throws IOException {
    if (PrivateFile.isOpenToOthers(STDOUT)) {
      PrintWriter err = command.getErr();
      err.println(
          "culvert: warning: this writes a secret into a file that others can read;"
              + " set the umask to 077 first");
      err.flush();
    }
  }

  static void print(CommandLine command, byte[] key) {
    PrintWriter out = command.getOut();
    out.println(Base64.getEncoder().encodeToString(key));
    out.flush();
  }
}
