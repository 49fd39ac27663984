// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.cli.command.Logging;
import dev.culvert.cli.command.show.AuditCommand;
import dev.culvert.cli.command.show.PeersCommand;
import dev.culvert.cli.command.show.PlanCommand;
import dev.culvert.cli.command.show.RoutesCommand;
import dev.culvert.cli.command.show.SasCommand;
import dev.culvert.cli.command.show.StatusCommand;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.DiagnosticsView;
import dev.culvert.daemon.admin.RedactedConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.socket.OtherUserException;
import dev.culvert.daemon.steer.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The parts of a bundle that are about one gateway. If it does not run, the kernel and its
 * configuration file are asked instead.
 */
final class GatewayParts {
  private final Archive archive;
  private final Machine machine;
  private final String name;
  private final String folder;

  GatewayParts(Archive archive, Machine machine, String name) {
    this.archive = archive;
    this.machine = machine;
    this.name = name;
    folder = "gateways/" + name + "/";
  }

  void gather() throws IOException {
    command("status", new StatusCommand(machine));
    command("peers", new PeersCommand(machine));
    RunState noted = machine.runState();
    boolean runs;
    try {
      runs = machine.adminClient().isRunning(name);
    } catch (OtherUserException e) {
      archive.missing(folder + "all the rest", e.getMessage());
      return;
    }
    if (!runs && !noted.exists(name)) {
      return; // A plain WireGuard device has no more than that.
    }
    command("sas", new SasCommand(machine));
    command("routes", new RoutesCommand(machine));
    command("audit", new AuditCommand(machine));
    archive.gather(folder + "plan.json", this::plan);
    if (runs) {
      diagnostics();
    } else {
      archive.gather(folder + "config.json", this::configuration);
      archive.missing(folder + "log.txt", name + " does not run, and the lines went with it");
      archive.missing(folder + "threads.txt", name + " does not run");
    }
    Path log = Logging.file(name);
    if (Files.exists(log)) {
      archive.gather(folder + "log-file.txt", () -> new String(Files.readAllBytes(log), UTF_8));
    }
  }

  private void command(String part, Object command) throws IOException {
    archive.gather(
        folder + part + ".json", () -> CommandOutput.of(command, name, "--output", "json"));
  }

  private String plan() throws IOException {
    RunState noted = machine.runState();
    if (noted.isElsewhere(name)) {
      throw new IOException(
          name
              + " is in another network namespace, "
              + noted.namespaceOf(name)
              + "; run this there too, for its plan and its part of the kernel");
    }
    return CommandOutput.of(new PlanCommand(machine), file().toString(), "--output", "json");
  }

  private String configuration() throws Exception {
    return RedactedConfig.of(machine.read(ConfigFile.open(file())));
  }

  private Path file() throws IOException {
    return machine
        .runState()
        .configuration(name)
        .orElseThrow(() -> new IOException("no configuration file is noted for " + name));
  }

  private void diagnostics() throws IOException {
    DiagnosticsView told;
    try {
      told = machine.adminClient().call(name, AdminMessage.Command.DIAGNOSTICS).diagnostics();
    } catch (IOException e) {
      archive.missing(folder + "log.txt, threads.txt, config.json, metrics.txt", e.toString());
      return;
    }
    if (told == null) {
      archive.missing(folder + "log.txt, threads.txt, config.json, metrics.txt", "not answered");
      return;
    }
    archive.add(folder + "version.txt", told.version() + "\n");
    archive.add(folder + "log.txt", String.join("\n", told.log()) + "\n");
    archive.add(folder + "threads.txt", told.threads());
    archive.add(folder + "config.json", told.configuration() + "\n");
    if (told.metrics() != null) {
      archive.add(folder + "metrics.txt", told.metrics());
    }
  }
}
