// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import dev.culvert.cli.command.Failures;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/** Runs a command of this program for its output, so that an archive has the documented JSON. */
final class CommandOutput {
  private CommandOutput() {}

  /**
   * The output of a command, also if its status says that it found a fault.
   *
   * @throws IOException if there is no output; the message is that of the command
   */
  static String of(Object command, String... arguments) throws IOException {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        new CommandLine(command)
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .setExecutionExceptionHandler(new Failures(false))
            .setCaseInsensitiveEnumValuesAllowed(true)
            .execute(arguments);
    String text = out.toString();
    if (text.isBlank()) {
      String reason = err.toString().strip();
      throw new IOException(reason.isEmpty() ? "it ended with status " + status : reason);
    }
    return text;
  }
}
