// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;

/**
 * An ESP configuration with its keys read.
 *
 * @param keys closing this wipes them
 */
public record DesiredEsp(GatewayConfig config, EspConfig esp, EspPeers peers, KeyMaterial keys)
    implements Desired {
  static DesiredEsp of(GatewayConfig config, EspConfig esp) throws ConfigException {
    EspPeers peers = new EspPeers(esp, config.cluster());
    return new DesiredEsp(config, esp, peers, KeyMaterial.of(config, esp));
  }

  @Override
  public void close() {
    keys.close();
  }
}
