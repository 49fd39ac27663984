// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code culvert key}. */
@Command(
    name = "key",
    description =
        "Makes keys: WireGuard's, as 'wg genkey', 'wg pubkey' and 'wg genpsk' do, and ESP's.")
public final class KeyCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "a command is missing: gen, pub, psk, rotate or enrol");
  }
}
