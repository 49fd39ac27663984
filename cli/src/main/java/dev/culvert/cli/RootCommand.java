// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import dev.culvert.cli.command.CompletionCommand;
import dev.culvert.cli.command.DownCommand;
import dev.culvert.cli.command.Failures;
import dev.culvert.cli.command.GuardCommand;
import dev.culvert.cli.command.ReloadCommand;
import dev.culvert.cli.command.UpCommand;
import dev.culvert.cli.command.UpgradeCommand;
import dev.culvert.cli.command.Version;
import dev.culvert.cli.command.VersionCommand;
import dev.culvert.cli.command.WgCommand;
import dev.culvert.cli.command.bundle.BundleCommand;
import dev.culvert.cli.command.capture.CaptureCommand;
import dev.culvert.cli.command.capture.KeyLogCommand;
import dev.culvert.cli.command.key.KeyCommand;
import dev.culvert.cli.command.key.KeyEnrolCommand;
import dev.culvert.cli.command.key.KeyGenCommand;
import dev.culvert.cli.command.key.KeyPskCommand;
import dev.culvert.cli.command.key.KeyPubCommand;
import dev.culvert.cli.command.key.KeyRotateCommand;
import dev.culvert.cli.command.kubernetes.NodesAcceptCommand;
import dev.culvert.cli.command.kubernetes.NodesCommand;
import dev.culvert.cli.command.kubernetes.NodesDownCommand;
import dev.culvert.cli.command.kubernetes.NodesRejectCommand;
import dev.culvert.cli.command.kubernetes.RegistrarCommand;
import dev.culvert.cli.command.show.AuditCommand;
import dev.culvert.cli.command.show.DoctorCommand;
import dev.culvert.cli.command.show.PeersCommand;
import dev.culvert.cli.command.show.PlanCommand;
import dev.culvert.cli.command.show.RoutesCommand;
import dev.culvert.cli.command.show.SasCommand;
import dev.culvert.cli.command.show.StatusCommand;
import dev.culvert.cli.command.show.VerifyCommand;
import dev.culvert.cli.command.top.TopCommand;
import dev.culvert.daemon.Machine;
import dev.culvert.lab.LabCommand;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code culvert} without a command. */
@Command(
    name = "culvert",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    scope = ScopeType.INHERIT,
    description = "Encrypts the traffic between nodes: a WireGuard and ESP gateway.",
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:done",
      "1:failed, or a check of 'doctor' or 'verify' failed",
      "2:wrong arguments",
      "3:a configuration was refused, and a running gateway is unchanged",
      "4:no gateway of that name is running",
      "5:'audit' or 'verify' found packets in clear"
    },
    footerHeading = "%nEnvironment:%n",
    footer = {
      "  LOG_LEVEL       silent, error, info, verbose or debug",
      "  LOG_FORMAT      text or json, of 'up', 'wg' and 'registrar'",
      "  CULVERT_DEBUG   1: show where an error comes from"
    })
public final class RootCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  /** The whole command line, for {@code machine}. */
  public static CommandLine commandLine(Machine machine, boolean debug) {
    return commandLine(commands(machine), debug);
  }

  /**
   * The command line for these arguments. If they begin with a command's name, it holds only that
   * command, since reading the annotations of all commands takes a good part of a short start.
   */
  public static CommandLine commandLine(Machine machine, boolean debug, String... arguments) {
    Map<String, Supplier<Object>> commands = commands(machine);
    if (arguments.length > 0 && commands.containsKey(arguments[0])) {
      commands.keySet().retainAll(Set.of(arguments[0]));
    }
    return commandLine(commands, debug);
  }

  private static CommandLine commandLine(Map<String, Supplier<Object>> commands, boolean debug) {
    CommandLine root = new CommandLine(new RootCommand());
    commands.forEach((name, command) -> root.addSubcommand(name, command.get()));
    // These settings come last, since they reach only the commands that were added before.
    return root.setExecutionExceptionHandler(new Failures(debug))
        .setCaseInsensitiveEnumValuesAllowed(true);
  }

  private static Map<String, Supplier<Object>> commands(Machine machine) {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("wg", () -> new WgCommand(machine));
    commands.put("up", () -> new UpCommand(machine));
    commands.put("guard", () -> new GuardCommand(machine));
    commands.put("down", () -> new DownCommand(machine));
    commands.put("reload", () -> new ReloadCommand(machine));
    commands.put("upgrade", () -> new UpgradeCommand(machine));
    commands.put("status", () -> new StatusCommand(machine));
    commands.put("peers", () -> new PeersCommand(machine));
    commands.put("nodes", () -> nodes(machine));
    commands.put("registrar", () -> new RegistrarCommand(machine));
    commands.put("routes", () -> new RoutesCommand(machine));
    commands.put("plan", () -> new PlanCommand(machine));
    commands.put("top", () -> new TopCommand(machine));
    commands.put("audit", () -> new AuditCommand(machine));
    commands.put("verify", () -> new VerifyCommand(machine));
    commands.put("sas", () -> new SasCommand(machine));
    commands.put("keylog", () -> new KeyLogCommand(machine));
    commands.put("capture", () -> new CaptureCommand(machine));
    commands.put("key", () -> key(machine));
    commands.put("doctor", () -> new DoctorCommand(machine));
    commands.put("bundle", () -> new BundleCommand(machine));
    commands.put("lab", () -> new LabCommand(Main.class));
    commands.put("version", VersionCommand::new);
    commands.put("completion", CompletionCommand::new);
    return commands;
  }

  private static CommandLine nodes(Machine machine) {
    return new CommandLine(new NodesCommand(machine))
        .addSubcommand(new NodesAcceptCommand(machine))
        .addSubcommand(new NodesRejectCommand(machine))
        .addSubcommand(new NodesDownCommand(machine));
  }

  private static CommandLine key(Machine machine) {
    return new CommandLine(new KeyCommand())
        .addSubcommand(new KeyGenCommand())
        .addSubcommand(new KeyPubCommand())
        .addSubcommand(new KeyPskCommand())
        .addSubcommand(new KeyRotateCommand(machine))
        .addSubcommand(new KeyEnrolCommand(machine));
  }
}
