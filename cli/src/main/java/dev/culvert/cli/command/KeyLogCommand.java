package dev.culvert.cli.command;

import dev.culvert.cli.admin.AdminMessage;
import dev.culvert.cli.daemon.Machine;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code culvert keylog}. */
@Command(
    name = "keylog",
    description = {
      "Writes the keys with which Wireshark reads a capture of the underlay, until it is stopped.",
      "WireGuard: a file for wg.keylog_file, with the handshakes from now on. ESP: a file esp_sa"
          + " for a profile, with all keys now and those that come."
    })
final class KeyLogCommand implements Callable<Integer> {
  /** Within what the gateway keeps the keys of handshakes for. */
  private static final long POLL_MILLIS = 500;

  private final Machine machine;

  @Parameters(
      arity = "0..1",
      paramLabel = "IFACE|FILE",
      defaultValue = GatewayName.DEFAULT,
      description = "Which gateway (default: ${DEFAULT-VALUE}).")
  private String gateway;

  @Option(
      names = {"-w", "--write"},
      paramLabel = "FILE",
      required = true,
      description = "Where to; only its owner may be able to read it.")
  private Path file;

  @Option(
      names = "--with-secrets",
      description = "Says that you mean it: who has the file reads all that was captured.")
  private boolean withSecrets;

  @Option(names = "--once", description = "Ends when the keys of now are written.")
  private boolean once;

  KeyLogCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    if (!withSecrets) {
      throw new CommandException(
          ExitCode.USAGE, "this writes secret keys: say --with-secrets if that is what you want");
    }
    String name = GatewayName.of(gateway);
    if (!machine.adminClient().isRunning(name)) {
      throw CommandException.notRunning(name);
    }
    CountDownLatch stopped = new CountDownLatch(1);
    Signals.onEnd(stopped::countDown);
    Set<String> written = new HashSet<>();
    try (BufferedWriter out = SecretFile.open(file)) {
      do {
        append(name, out, written);
      } while (!once && !stopped.await(POLL_MILLIS, TimeUnit.MILLISECONDS));
    }
    return ExitCode.OK;
  }

  private void append(String name, BufferedWriter out, Set<String> written) throws IOException {
    List<String> lines = machine.adminClient().call(name, AdminMessage.Command.KEYLOG).keyLog();
    for (String line : lines == null ? List.<String>of() : lines) {
      if (written.add(line)) {
        out.write(line);
        out.write('\n');
      }
    }
    out.flush();
  }
}
