// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GlobalKeyingConfig;
import dev.culvert.daemon.config.KeyingConfig;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import java.nio.file.Path;

/** {@code keying: global}: one key file, in the section. */
record GlobalKeyingFormat(Path directory) implements KeyingFormat {
  @Override
  public boolean dividesByRange() {
    return true;
  }

  @Override
  public KnownKeys peerKeys() {
    return KnownKeys.KEEPALIVE;
  }

  @Override
  public KeyingConfig config(YamlMap section) throws ConfigException {
    String file = YamlFormat.path(section.require("keyFile"));
    return new GlobalKeyingConfig(directory.resolve(file));
  }
}
