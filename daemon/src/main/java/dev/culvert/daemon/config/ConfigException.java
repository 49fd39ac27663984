// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import java.nio.file.Path;

/**
 * A configuration that cannot be used. The message names file, line, key and reason, and never
 * holds a secret.
 */
public final class ConfigException extends Exception {
  private static final long serialVersionUID = 1L;

  public ConfigException(String message) {
    super(message);
  }

  /** A fault of the whole file. */
  public static ConfigException of(Path file, String reason) {
    return new Place(file.toString(), 0, "").error(reason);
  }
}
