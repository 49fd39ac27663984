// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.EspTunnel;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.gateway.WireGuardTunnel;
import java.io.IOException;
import java.util.Optional;

/** Makes tunnels, configured but down: the kernel's, or in tests such that move no packets. */
public interface TunnelFactory {
  /** Tunnels of this machine's kernel. */
  TunnelFactory KERNEL =
      new TunnelFactory() {
        @Override
        public WireGuardDevice wireGuard(GatewayOptions options) throws DeviceException {
          return WireGuardTunnel.open(options);
        }

        @Override
        public <K extends Keying> EspDevice<K> esp(GatewayOptions options, K keying)
            throws DeviceException {
          return EspTunnel.open(options, keying);
        }

        @Override
        public Optional<String> queueFault(String interfaceName, int descriptor)
            throws IOException {
          return Descriptors.queueFault(interfaceName, descriptor);
        }
      };

  /** Makes a WireGuard device without keys and peers. */
  WireGuardDevice wireGuard(GatewayOptions options) throws DeviceException;

  /**
   * Makes an ESP device without peers.
   *
   * @param keying closed with the device, also if the device cannot be made
   */
  <K extends Keying> EspDevice<K> esp(GatewayOptions options, K keying) throws DeviceException;

  /** See {@link Descriptors#queueFault}. */
  Optional<String> queueFault(String interfaceName, int descriptor) throws IOException;
}
