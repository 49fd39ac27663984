package dev.culvert.daemon;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.gateway.WireGuardGateway;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The device of the tunnel module, as commands run it. */
public final class GatewayDevice implements RunningDevice {
  private static final Path STATE = Path.of("/var/lib/culvert");

  private final WireGuardGateway gateway;
  private final HandshakeLog handshakes;

  private GatewayDevice(WireGuardGateway gateway, HandshakeLog handshakes) {
    this.gateway = gateway;
    this.handshakes = handshakes;
  }

  /** Where a device keeps what has to outlive it. */
  public static Path stateDirectory(String interfaceName) {
    return STATE.resolve(interfaceName);
  }

  /** A {@link DeviceFactory}. */
  public static RunningDevice open(String interfaceName, int mtu, int lanes)
      throws DeviceException {
    HandshakeLog handshakes = HandshakeLog.create();
    return new GatewayDevice(
        WireGuardGateway.open(
            new GatewayOptions(
                interfaceName,
                mtu,
                lanes,
                HelperCount.configured(),
                stateDirectory(interfaceName),
                handshakes)),
        handshakes);
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
  public void greet() throws DeviceException {
    gateway.greet();
  }

  @Override
  public List<String> keyLog(DeviceSnapshot now) {
    return handshakes.lines(now);
  }

  @Override
  public Optional<String> failure() {
    return gateway.failure();
  }

  @Override
  public void endWhenMoved() {
    gateway.endWhenMoved();
  }

  @Override
  public void awaitClosed() throws InterruptedException {
    gateway.awaitClosed();
  }

  @Override
  public void close() {
    gateway.close();
    handshakes.close();
  }
}
