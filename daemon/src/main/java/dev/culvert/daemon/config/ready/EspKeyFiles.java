// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.state.Credentials;
import dev.culvert.tunnel.state.KeyFileReader;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads the files of {@code culvert key gen --esp}. */
final class EspKeyFiles {
  private EspKeyFiles() {}

  /** The file's own errors name file, line, key id and reason. */
  static KeyFile read(Path path) throws ConfigException {
    try {
      return KeyFileReader.read(path);
    } catch (KeyFileException e) {
      throw new ConfigException(String.valueOf(e.getMessage()));
    } catch (NoSuchFileException e) {
      throw ConfigException.of(
          path,
          Credentials.isOne(path)
              ? Credentials.missing(path)
              : "the key file does not exist; make one with: culvert key gen --esp");
    } catch (IOException e) {
      throw ConfigException.of(path, "cannot be read: " + e.getMessage());
    }
  }
}
