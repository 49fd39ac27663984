package dev.culvert.cli.daemon;

import dev.culvert.cli.admin.EspView;
import dev.culvert.cli.admin.GatewayView;
import dev.culvert.cli.config.ConfigException;
import dev.culvert.cli.config.Desired;
import dev.culvert.cli.config.DesiredEsp;
import dev.culvert.cli.config.EspConfig;
import dev.culvert.cli.config.GatewayConfig;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.EspGatewayOptions;
import dev.culvert.tunnel.gateway.GatewayStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** An ESP device with what keeps its keys. */
final class EspTunnel implements Tunnel {
  private final EspDevice<?> device;
  private final EspKeys keys;
  private EspConfig config;
  private List<EspPeerSettings> peers;

  private EspTunnel(EspDevice<?> device, EspKeys keys, DesiredEsp desired) {
    this.device = device;
    this.keys = keys;
    config = desired.esp();
    peers = desired.peers();
  }

  static EspTunnel open(Machine machine, DesiredEsp desired) throws IOException {
    GatewayConfig config = desired.config();
    EspKeys.Opened opened =
        EspKeys.open(
            machine,
            new EspGatewayOptions(
                config.interfaceName(),
                config.mtu(),
                config.lanes(),
                HelperCount.configured(),
                config.listenPort(),
                config.socketMark(),
                desired.esp().encapsulation(),
                desired.keys() instanceof DesiredEsp.Keys.Noise
                    ? GatewayDevice.stateDirectory(config.interfaceName())
                    : null),
            desired);
    EspTunnel tunnel = new EspTunnel(opened.device(), opened.keys(), desired);
    try {
      tunnel.keys.prepare(desired);
      tunnel.configure(desired);
      return tunnel;
    } catch (IOException | RuntimeException e) {
      tunnel.close();
      throw e;
    }
  }

  private void configure(DesiredEsp desired) throws DeviceException {
    GatewayConfig gateway = desired.config();
    device.configure(desired.peers(), gateway.listenPort(), gateway.socketMark());
  }

  @Override
  public int apply(Desired desired) throws ConfigException, IOException {
    if (!(desired instanceof DesiredEsp wanted)) {
      throw new IllegalArgumentException("not for ESP");
    }
    if (wanted.esp().esn() != config.esn()
        || wanted.esp().encapsulation() != config.encapsulation()
        || !keys.prepare(wanted)) {
      throw ConfigException.of(
          Path.of(wanted.config().interfaceName()),
          "keying, this node's keys, esn and encapsulation change only with 'culvert down' and 'culvert up'; a new key"
              + " comes into the key file, with 'culvert key rotate'");
    }
    configure(wanted);
    Set<EspPeerSettings> changed = new HashSet<>(wanted.peers());
    peers.forEach(
        before -> {
          if (!changed.remove(before)) {
            changed.add(before);
          }
        });
    config = wanted.esp();
    peers = wanted.peers();
    keys.look();
    return (int) changed.stream().map(EspPeerSettings::name).distinct().count();
  }

  @Override
  public int listenPort() {
    return device.listenPort();
  }

  @Override
  public void useClassifier(Classifier classifier, Mark bypass) throws DeviceException {
    device.useClassifier(classifier, bypass);
  }

  @Override
  public void greet() throws DeviceException {
    device.greet();
  }

  @Override
  public GatewayStatus status() {
    return device.status();
  }

  @Override
  public GatewayView view(GatewayConfig gateway, String file) {
    try {
      return EspView.of(
          device,
          file,
          config.keys().keying(),
          config.esn(),
          keys.view(),
          config.localRanges().stream().map(Prefix::toString).toList());
    } catch (DeviceException e) {
      throw new IllegalStateException(device.interfaceName() + " is gone", e);
    }
  }

  @Override
  public List<String> keyLog() throws DeviceException {
    List<SaSecret> secrets = device.secrets();
    try {
      return EspKeyLines.of(secrets);
    } finally {
      secrets.forEach(SaSecret::close);
    }
  }

  @Override
  public Optional<String> failure() {
    return device.failure();
  }

  @Override
  public void awaitClosed() throws InterruptedException {
    device.awaitClosed();
  }

  @Override
  public void end() {
    keys.close();
    device.close();
  }

  @Override
  public void close() {
    end();
  }
}
