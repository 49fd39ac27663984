package dev.culvert.cli.command;

import dev.culvert.cli.lab.LabCommand;
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
    description = "Encrypts what nodes say to each other: a WireGuard gateway.",
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:done",
      "1:failed, or a check of 'doctor' failed",
      "2:wrong arguments",
      "3:a configuration was refused; what ran before still runs",
      "4:no gateway of that name is running"
    },
    footerHeading = "%nEnvironment:%n",
    footer = {
      "  LOG_LEVEL       silent, error, info, verbose or debug",
      "  CULVERT_DEBUG   1: show where an error comes from"
    })
public final class RootCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  /** The whole command line, for {@code machine}. */
  public static CommandLine commandLine(dev.culvert.cli.daemon.Machine machine, boolean debug) {
    CommandLine key =
        new CommandLine(new KeyCommand())
            .addSubcommand(new KeyGenCommand())
            .addSubcommand(new KeyPubCommand())
            .addSubcommand(new KeyPskCommand());
    return new CommandLine(new RootCommand())
        .addSubcommand(new WgCommand(machine))
        .addSubcommand(new UpCommand(machine))
        .addSubcommand(new DownCommand(machine))
        .addSubcommand(new ReloadCommand(machine))
        .addSubcommand(new StatusCommand(machine))
        .addSubcommand(new PeersCommand(machine))
        .addSubcommand(key)
        .addSubcommand(new DoctorCommand(machine))
        .addSubcommand(new LabCommand())
        .addSubcommand(new CompletionCommand())
        .setExecutionExceptionHandler(new Failures(debug))
        .setCaseInsensitiveEnumValuesAllowed(true);
  }
}
