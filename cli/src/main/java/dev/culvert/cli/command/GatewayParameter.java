// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Parameters;

/** {@code IFACE|FILE}: a gateway, by its interface or by its configuration file. */
public final class GatewayParameter {
  @Parameters(
      arity = "0..1",
      paramLabel = "IFACE|FILE",
      converter = InterfaceNameConverter.OrFile.class,
      defaultValue = GatewayConfig.DEFAULT_INTERFACE,
      description = "Which gateway (default: ${DEFAULT-VALUE}).")
  private String gateway;

  /** The interface's name. */
  public String name() throws ConfigException {
    return isFile() ? ConfigFile.read(Path.of(gateway)).interfaceName() : gateway;
  }

  /** The interface's name, of a gateway that must run here. */
  public String running(Machine machine) throws ConfigException, IOException, CommandException {
    String name = name();
    if (!machine.adminClient().isRunning(name)) {
      throw CommandException.notRunning(machine, name);
    }
    return name;
  }

  /**
   * Refuses a gateway of another network namespace, since its kernel state can only be seen there.
   */
  public void requireHere(Machine machine) throws ConfigException, IOException, CommandException {
    String name = name();
    if (machine.runState().isElsewhere(name)) {
      throw new CommandException(
          ExitCode.FAILED,
          name
              + " was brought up in another network namespace, "
              + machine.runState().namespaceOf(name)
              + "; run this there (ip netns exec NAME, or nsenter --net=FILE)");
    }
  }

  /**
   * The configuration in the file, or the one that the interface was brought up from.
   *
   * @throws CommandException if no interface of that name was brought up
   */
  public GatewayConfig configuration(Machine machine)
      throws ConfigException, IOException, CommandException {
    if (isFile()) {
      return machine.read(ConfigFile.open(Path.of(gateway)));
    }
    Path file = machine.runState().configuration(gateway).orElse(null);
    if (file == null) {
      throw CommandException.notRunning(machine, gateway);
    }
    return machine.read(ConfigFile.open(file));
  }

  private boolean isFile() {
    return InterfaceNameConverter.OrFile.isFile(gateway);
  }
}
