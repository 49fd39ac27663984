// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.NoiseKeyingConfig;
import java.security.SecureRandom;

/** A configuration with its key files read, for the device of its engine. */
public sealed interface Desired extends AutoCloseable permits DesiredState, DesiredEsp {
  /**
   * Makes this node's private key at the first start. At any other time a missing one is a mistake:
   * with another key, this node would be another one to its peers.
   */
  static void makeKeyIfMissing(GatewayConfig config, SecureRandom random) throws ConfigException {
    boolean needed =
        switch (config.engine()) {
          case EngineConfig.WireGuard wireGuard -> true;
          case EspConfig esp -> esp.keying() instanceof NoiseKeyingConfig;
        };
    if (needed) {
      Identity.makeIfMissing(config.privateKey(), random);
    }
  }

  /** Reads the key files. */
  static Desired of(GatewayConfig config) throws ConfigException {
    return switch (config.engine()) {
      case EngineConfig.WireGuard wireGuard -> DesiredState.of(config);
      case EspConfig esp -> DesiredEsp.of(config, esp);
    };
  }

  GatewayConfig config();

  /** Wipes the secrets in it. */
  @Override
  void close();
}
