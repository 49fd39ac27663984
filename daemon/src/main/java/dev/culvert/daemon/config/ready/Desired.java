// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import java.security.SecureRandom;

/** A configuration with its key files read, for the device of its engine. */
public sealed interface Desired extends AutoCloseable permits DesiredState, DesiredEsp {
  /** Reads the key files. Makes a private key at the first start. */
  static Desired of(GatewayConfig config, SecureRandom random) throws ConfigException {
    return switch (config.engine()) {
      case EngineConfig.WireGuard wireGuard -> DesiredState.of(config, random);
      case EspConfig esp -> DesiredEsp.of(config, esp, random);
    };
  }

  GatewayConfig config();

  /** Wipes the secrets in it. */
  @Override
  void close();
}
