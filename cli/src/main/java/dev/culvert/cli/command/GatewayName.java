package dev.culvert.cli.command;

import dev.culvert.cli.config.ConfigException;
import dev.culvert.cli.config.ConfigFile;
import dev.culvert.cli.config.GatewayConfig;
import java.nio.file.Path;

/** Names a gateway by its interface or by its configuration file. */
final class GatewayName {
  static final String DEFAULT = GatewayConfig.DEFAULT_INTERFACE;

  private GatewayName() {}

  static boolean isFile(String text) {
    return text.indexOf('/') >= 0
        || text.endsWith(".yaml")
        || text.endsWith(".yml")
        || text.endsWith(".conf");
  }

  static String of(String text) throws ConfigException {
    return isFile(text) ? ConfigFile.read(Path.of(text)).interfaceName() : text;
  }
}
