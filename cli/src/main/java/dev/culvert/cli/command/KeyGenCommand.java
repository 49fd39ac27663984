package dev.culvert.cli.command;

import dev.culvert.crypto.X25519;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert key gen}. */
@Command(name = "gen", description = "Prints a new private key.")
final class KeyGenCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    KeyOutput.secret(spec.commandLine(), X25519.generatePrivateKey(new SecureRandom()));
    return ExitCode.OK;
  }
}
