// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayParameter;
import dev.culvert.cli.command.Signals;
import dev.culvert.daemon.Machine;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code culvert keylog}. */
@Command(
    name = "keylog",
    description = {
      "Writes the keys with which Wireshark reads a capture of the underlay, until it is stopped.",
      "WireGuard: a file for wg.keylog_file, with the handshakes from now on. ESP: a file esp_sa"
          + " for a profile, with all keys now and those that come."
    })
public final class KeyLogCommand implements Callable<Integer> {
  /** Shorter than the time for which the gateway keeps the keys of handshakes. */
  private static final long POLL_MILLIS = 500;

  private final Machine machine;

  @Mixin private GatewayParameter gateway;

  @Option(
      names = {"-w", "--write"},
      paramLabel = "FILE",
      required = true,
      description = "Output file; only its owner may be able to read it.")
  private Path file;

  @Option(
      names = "--with-secrets",
      description = "Says that you mean it: who has the file reads all that was captured.")
  private boolean withSecrets;

  @Option(names = "--once", description = "Ends when the keys of now are written.")
  private boolean once;

  public KeyLogCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    if (!withSecrets) {
      throw new CommandException(
          ExitCode.USAGE, "this writes secret keys: add --with-secrets if you want that");
    }
    String name = gateway.running(machine);
    CountDownLatch stopped = new CountDownLatch(1);
    Signals.onEnd(stopped::countDown);
    KeyLines keys = new KeyLines(machine, name);
    try (BufferedWriter out = SecretFile.open(file)) {
      do {
        append(keys, out);
      } while (!once && !stopped.await(POLL_MILLIS, TimeUnit.MILLISECONDS));
    }
    return ExitCode.OK;
  }

  private static void append(KeyLines keys, BufferedWriter out) throws IOException {
    for (String line : keys.fresh()) {
      out.write(line);
      out.write('\n');
    }
    out.flush();
  }
}
