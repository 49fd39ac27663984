// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.daemon.TunnelFactory;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Makes tunnels that move nothing. */
public final class FakeTunnels implements TunnelFactory {
  /** Told of each tunnel before it is made. */
  public interface Opening {
    void opening(GatewayOptions options) throws DeviceException;
  }

  /** The descriptors of a new tunnel's queues; nothing is open by these numbers. */
  public static final List<Integer> QUEUES = List.of(900, 901);

  private final List<FakeWireGuard> devices = new ArrayList<>();
  private final Opening opening;
  private volatile @Nullable String queueFault;

  public FakeTunnels() {
    this(options -> {});
  }

  public FakeTunnels(Opening opening) {
    this.opening = opening;
  }

  /** From now on no descriptor is a queue, for this reason. */
  public void refuseQueues(String reason) {
    queueFault = reason;
  }

  @Override
  public Optional<String> queueFault(String interfaceName, int descriptor) {
    return Optional.ofNullable(queueFault);
  }

  /** The WireGuard devices that were made, in order. */
  public List<FakeWireGuard> devices() {
    return devices;
  }

  @Override
  public WireGuardDevice wireGuard(GatewayOptions options) throws DeviceException {
    opening.opening(options);
    FakeWireGuard device = new FakeWireGuard(options.interfaceName());
    Descriptors from = options.inherited();
    device.tunnel().queues(from == null ? QUEUES : from.queues());
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
