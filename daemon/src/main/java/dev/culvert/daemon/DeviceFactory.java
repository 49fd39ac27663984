package dev.culvert.daemon;

import dev.culvert.tunnel.gateway.DeviceException;

/** Makes devices. */
@FunctionalInterface
public interface DeviceFactory {
  /**
   * Makes the link and starts moving packets.
   *
   * @param mtu 0: 1420
   * @param lanes packet-moving threads, 0: chosen by the machine's processors
   */
  RunningDevice open(String interfaceName, int mtu, int lanes) throws DeviceException;
}
