// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import dev.culvert.cli.command.ExitCode;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.read.Base64Key;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert key pub}. */
@Command(
    name = "pub",
    description = "Reads a private key on standard input and prints its public key.")
public final class KeyPubCommand implements Callable<Integer> {
  private static final int MAX_INPUT = 256;

  private final InputStream in;

  @Spec private CommandSpec spec;

  public KeyPubCommand() {
    this(System.in);
  }

  public KeyPubCommand(InputStream in) {
    this.in = in;
  }

  @Override
  public Integer call() throws IOException, ConfigException {
    try (SecretBytes key = Base64Key.read("standard input", in.readNBytes(MAX_INPUT))) {
      byte[] privateKey = key.toByteArray();
      try {
        KeyOutput.print(spec.commandLine(), X25519.publicKey(privateKey));
      } finally {
        Arrays.fill(privateKey, (byte) 0);
      }
    }
    return ExitCode.OK;
  }
}
