// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file to write secrets to. Users other than its owner can neither read nor replace it. */
final class SecretFile {
  private static final Path STDOUT = Path.of("/proc/self/fd/1");

  private SecretFile() {}

  /**
   * Makes the file, or empties it.
   *
   * @throws CommandException if other users could read it, or if its folder lets them change the
   *     files in it; no file was made or changed
   */
  static BufferedWriter open(Path file) throws IOException, CommandException {
    return new BufferedWriter(Channels.newWriter(channel(file), StandardCharsets.US_ASCII));
  }

  /** Makes or empties the file like {@link #open}, for bytes. */
  static FileChannel channel(Path file) throws IOException, CommandException {
    try {
      return PrivateFile.writeAnew(file);
    } catch (PrivateFile.RefusedException e) {
      throw refused(file, e.reason());
    } catch (NoSuchFileException e) {
      throw refused(file, "its folder does not exist");
    }
  }

  /**
   * Refuses a standard output that is a file which other users can read. A pipe has one reader, so
   * it is accepted.
   */
  static void checkStandardOutput() throws IOException, CommandException {
    if (PrivateFile.isOpenToOthers(STDOUT)) {
      throw refused(Path.of("standard output"), "group or others can read it: use -w FILE");
    }
  }

  private static CommandException refused(Path file, String reason) {
    return new CommandException(ExitCode.FAILED, file + " is no place for secrets: " + reason);
  }
}
