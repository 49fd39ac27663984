// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import dev.culvert.cli.command.ExitCode;
import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.esp.global.KeyFile;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code culvert key gen}. */
@Command(
    name = "gen",
    description = "Prints a new private key, or with --esp a key file of one new ESP key.")
public final class KeyGenCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--esp", description = "A line of the ESP engine's key file.")
  private boolean esp;

  @Option(
      names = "--id",
      paramLabel = "ID",
      defaultValue = "1",
      description = "With --esp: the key's id, 1 to 15 (default: ${DEFAULT-VALUE}).")
  private int id;

  @Option(
      names = "--bits",
      paramLabel = "BITS",
      defaultValue = "128",
      description = "With --esp: AES-128 or AES-256 (default: ${DEFAULT-VALUE}).")
  private int bits;

  @Override
  public Integer call() throws IOException {
    SecureRandom random = new SecureRandom();
    if (!esp) {
      KeyOutput.secret(spec.commandLine(), X25519.generatePrivateKey(random));
      return ExitCode.OK;
    }
    if (id < 1 || id > 15 || (bits != 128 && bits != 256)) {
      throw new ParameterException(spec.commandLine(), "--id is 1 to 15, --bits is 128 or 256");
    }
    KeyOutput.secretLine(spec.commandLine(), KeyFile.newLine(id, bits / 8, random));
    return ExitCode.OK;
  }
}
