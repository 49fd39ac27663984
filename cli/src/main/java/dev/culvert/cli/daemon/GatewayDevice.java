package dev.culvert.cli.daemon;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.gateway.WireGuardGateway;
import java.nio.file.Path;

/** The device of the tunnel module, as commands run it. */
public final class GatewayDevice implements RunningDevice {
  private static final Path STATE = Path.of("/var/lib/culvert");

  private final WireGuardGateway gateway;

  private GatewayDevice(WireGuardGateway gateway) {
    this.gateway = gateway;
  }

  /** A {@link DeviceFactory}. */
  public static RunningDevice open(String interfaceName, int mtu, int lanes)
      throws DeviceException {
    return new GatewayDevice(
        WireGuardGateway.open(
            new GatewayOptions(
                interfaceName,
                mtu,
                lanes,
                Integer.getInteger("culvert.helpers", GatewayOptions.BY_MACHINE),
                STATE.resolve(interfaceName),
                null)));
  }

  @Override
  public WireGuardDevice device() {
    return gateway;
  }

  @Override
  public void useClassifier(Classifier classifier, Mark bypass) throws DeviceException {
    gateway.useClassifier(classifier, bypass);
  }

  @Override
  public void awaitClosed() throws InterruptedException {
    gateway.awaitClosed();
  }

  @Override
  public void close() {
    gateway.close();
  }
}
