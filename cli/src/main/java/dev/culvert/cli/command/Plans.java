package dev.culvert.cli.command;

import dev.culvert.cli.config.ConfigException;
import dev.culvert.cli.config.ConfigFile;
import dev.culvert.cli.config.GatewayConfig;
import dev.culvert.cli.daemon.Machine;
import java.io.IOException;
import java.nio.file.Path;

/** Finds the configuration of a gateway that may not run. */
final class Plans {
  private Plans() {}

  /**
   * The configuration in a file, or that an interface was brought up from.
   *
   * @throws CommandException where nothing of that name was brought up
   */
  static GatewayConfig configuration(Machine machine, String gateway)
      throws ConfigException, IOException, CommandException {
    if (GatewayName.isFile(gateway)) {
      return ConfigFile.read(Path.of(gateway));
    }
    Path file =
        machine
            .runState()
            .configuration(gateway)
            .orElseThrow(() -> CommandException.notRunning(gateway));
    return ConfigFile.read(file);
  }
}
