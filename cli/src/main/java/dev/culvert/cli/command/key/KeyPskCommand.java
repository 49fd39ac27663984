// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import dev.culvert.cli.command.ExitCode;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert key psk}. */
@Command(name = "psk", description = "Prints a new preshared key.")
public final class KeyPskCommand implements Callable<Integer> {
  private static final int KEY_LENGTH = 32;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    byte[] key = new byte[KEY_LENGTH];
    new SecureRandom().nextBytes(key);
    KeyOutput.secret(spec.commandLine(), key);
    return ExitCode.OK;
  }
}
