// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.daemon.TunnelFactory;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import java.util.ArrayList;
import java.util.List;

/** Makes tunnels that move nothing. */
public final class FakeTunnels implements TunnelFactory {
  /** Told of each tunnel before it is made. */
  public interface Opening {
    void opening(GatewayOptions options) throws DeviceException;
  }

  private final List<FakeWireGuard> devices = new ArrayList<>();
  private final Opening opening;

  public FakeTunnels() {
    this(options -> {});
  }

  public FakeTunnels(Opening opening) {
    this.opening = opening;
  }

  /** The WireGuard devices that were made, in order. */
  public List<FakeWireGuard> devices() {
    return devices;
  }

  @Override
  public WireGuardDevice wireGuard(GatewayOptions options) throws DeviceException {
    opening.opening(options);
    FakeWireGuard device = new FakeWireGuard(options.interfaceName());
    devices.add(device);
    return device;
  }

  @Override
  public <K extends Keying> EspDevice<K> esp(GatewayOptions options, K keying)
      throws DeviceException {
    opening.opening(options);
    return new FakeEsp<>(options, keying);
  }
}
