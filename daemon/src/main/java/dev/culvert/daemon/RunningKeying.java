// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.KeyingView;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.GlobalKeyMaterial;
import dev.culvert.daemon.config.ready.ManualKeyMaterial;
import dev.culvert.daemon.config.ready.NoiseKeyMaterial;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import java.io.IOException;

/** An ESP device with its keying, and the work that the daemon does for the keys while it runs. */
interface RunningKeying extends AutoCloseable {
  /** Makes the keying of {@code desired}, and the device around it. */
  static RunningKeying open(Machine machine, GatewayOptions options, DesiredEsp desired)
      throws IOException {
    return switch (desired.keys()) {
      case GlobalKeyMaterial global ->
          RunningGlobalKeying.open(machine, options, global, desired.esp().esn());
      case NoiseKeyMaterial noise -> RunningNoiseKeying.open(machine, options, noise);
      case ManualKeyMaterial manual ->
          RunningManualKeying.open(machine, options, manual, desired.esp().keying());
    };
  }

  EspDevice<?> device();

  /**
   * Gets ready for the peers that the device will be told of next; nothing changes before that.
   *
   * @return whether that is possible; if not, the change needs a new start
   */
  boolean prepare(DesiredEsp wanted) throws DeviceException;

  /** Takes in changes of files that are not part of the configuration. */
  default void look() {}

  /** The state of the keys beside the SAs. */
  KeyingView view() throws DeviceException;

  /** Ends the work for the keys; the owner of the device closes the device. */
  @Override
  default void close() {}
}
