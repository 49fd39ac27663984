// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import java.nio.file.Path;

/** A key that all nodes share; the keys to send under are derived from it. */
public record GlobalKeyingConfig(Path file) implements KeyingConfig {
  public static final String NAME = "global";

  @Override
  public String name() {
    return NAME;
  }
}
