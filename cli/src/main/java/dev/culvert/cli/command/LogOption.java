// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import dev.culvert.cli.command.log.LogFormat;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --log-format}, of commands that run on. */
public final class LogOption {
  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      description = "text (for people) or json (one object per line). Default: LOG_FORMAT, text.")
  private @Nullable LogFormat format;

  /**
   * Begins the log of a command that runs on.
   *
   * @param byDefault the level, unless the user set one
   * @throws CommandException if the environment asks for a format that does not exist
   */
  public void begin(Level byDefault) throws CommandException {
    try {
      Logging.daemon(format == null ? LogFormat.parse(LogFormat.asked()) : format, byDefault);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, String.valueOf(e.getMessage()));
    }
  }
}
