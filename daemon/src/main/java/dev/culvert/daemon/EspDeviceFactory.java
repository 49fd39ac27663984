package dev.culvert.daemon;

import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.EspGatewayOptions;

/** Makes ESP devices. */
@FunctionalInterface
public interface EspDeviceFactory {
  /**
   * Makes the link and starts moving packets.
   *
   * @param keying closed with the device, also where it cannot be opened
   */
  <K extends Keying> EspDevice<K> open(EspGatewayOptions options, K keying) throws DeviceException;
}
