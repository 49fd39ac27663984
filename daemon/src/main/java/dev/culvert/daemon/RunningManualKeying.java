// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.KeyingView;
import dev.culvert.daemon.config.KeyingConfig;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.ManualKeyMaterial;
import dev.culvert.tunnel.esp.manual.ManualKeying;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import java.io.IOException;

/** Manual SAs, which never change while the device runs. */
record RunningManualKeying(EspDevice<ManualKeying> device, KeyingConfig config)
    implements RunningKeying {
  static RunningManualKeying open(
      Machine machine, GatewayOptions options, ManualKeyMaterial keys, KeyingConfig config)
      throws IOException {
    ManualKeying keying =
        new ManualKeying(keys.copyOfInbound(), keys.copyOfOutbound(), machine.sequenceFiles());
    return new RunningManualKeying(machine.tunnels().esp(options, keying), config);
  }

  @Override
  public boolean prepare(DesiredEsp wanted) {
    return wanted.esp().keying().equals(config);
  }

  @Override
  public KeyingView view() {
    return KeyingView.NOTHING;
  }
}
