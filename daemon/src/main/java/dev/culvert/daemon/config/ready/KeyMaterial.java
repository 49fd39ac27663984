// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.GlobalKeyingConfig;
import dev.culvert.daemon.config.ManualKeyingConfig;
import dev.culvert.daemon.config.NoiseKeyingConfig;

/** The keys that ESP's keying starts with, read from their files. Closing wipes them. */
public sealed interface KeyMaterial extends AutoCloseable
    permits GlobalKeyMaterial, NoiseKeyMaterial, ManualKeyMaterial {
  /** Reads the files that {@code esp.keying()} names. */
  static KeyMaterial of(GatewayConfig gateway, EspConfig esp) throws ConfigException {
    return switch (esp.keying()) {
      case GlobalKeyingConfig global -> GlobalKeyMaterial.read(global);
      case NoiseKeyingConfig noise -> NoiseKeyMaterial.read(noise, gateway.privateKey());
      case ManualKeyingConfig manual -> ManualKeyMaterial.read(manual, esp.esn());
    };
  }

  @Override
  void close();
}
