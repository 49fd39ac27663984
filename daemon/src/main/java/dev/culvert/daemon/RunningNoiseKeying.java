// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.daemon.admin.KeyingView;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.NoiseKeyMaterial;
import dev.culvert.tunnel.esp.noise.NoiseKeying;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import java.security.SecureRandom;

/** Keys from handshakes. A reload may change the peers' identities, but not this node's. */
record RunningNoiseKeying(EspDevice<NoiseKeying> device) implements RunningKeying {
  /** Opens the keying. The device keeps the newest timestamp of a handshake over restarts. */
  static RunningNoiseKeying open(Machine machine, GatewayOptions options, NoiseKeyMaterial keys)
      throws DeviceException {
    NoiseKeying keying =
        new NoiseKeying(
            keys.privateKey(),
            AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
            new SecureRandom(),
            null);
    GatewayOptions keeping = options.keeping(machine.stateDirectory(options.interfaceName()));
    return new RunningNoiseKeying(machine.tunnels().esp(keeping, keying));
  }

  @Override
  public boolean prepare(DesiredEsp wanted) throws DeviceException {
    if (!(wanted.keys() instanceof NoiseKeyMaterial noise)) {
      return false;
    }
    return device.keying(
        (keying, now) -> {
          if (!keying.publicKey().equals(noise.publicKey())) {
            return false;
          }
          keying.keys(noise.peers());
          return true;
        });
  }

  @Override
  public KeyingView view() throws DeviceException {
    return device.keying(
        (keying, now) -> KeyingView.ofHandshakes(keying.publicKey(), keying.peerStatus()));
  }
}
