// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GlobalKeyingConfig;
import dev.culvert.tunnel.esp.global.KeyFile;
import java.nio.file.Path;

/**
 * The global key.
 *
 * @param path of the file, which is watched
 * @param file its contents
 */
public record GlobalKeyMaterial(Path path, KeyFile file) implements KeyMaterial {
  static GlobalKeyMaterial read(GlobalKeyingConfig config) throws ConfigException {
    return new GlobalKeyMaterial(config.file(), EspKeyFiles.read(config.file()));
  }

  @Override
  public void close() {
    file.close();
  }
}
