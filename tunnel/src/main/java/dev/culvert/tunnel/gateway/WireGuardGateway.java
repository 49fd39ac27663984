package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerContact;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;

/**
 * A WireGuard device that moves packets. It ends when it is closed or its interface is deleted, in
 * whatever network namespace that is by then.
 */
public final class WireGuardGateway implements WireGuardDevice, ClusterDevice, AutoCloseable {
  private final WireGuardEngine engine;
  private final Gateway gateway;

  private WireGuardGateway(GatewayOptions options) throws DeviceException {
    String name = options.interfaceName();
    AeadBackend first = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    engine = new WireGuardEngine(first, new SecureRandom(), options.keyLog());
    EngineEvents events =
        EngineEvents.open(name, options.stateDirectory(), engine::minimumTimestamp, notice -> {});
    gateway = Gateway.open(new Speech(), events, options, 0, 0);
  }

  /**
   * Makes the interface (down, without addresses), binds a free UDP port in both families and
   * starts moving packets.
   *
   * @throws DeviceException where the interface, the sockets or the state directory cannot be had
   */
  public static WireGuardGateway open(GatewayOptions options) throws DeviceException {
    Preparation.startNetty();
    WireGuardGateway opened = new WireGuardGateway(options);
    opened.gateway.chooseCipher(AeadAlgorithm.CHACHA20_POLY1305, opened.engine::useBackend);
    return opened;
  }

  /** The engine as lanes and the control loop use it. */
  private final class Speech implements Protocol {
    @Override
    public TunnelEngine engine() {
      return engine;
    }

    @Override
    public void mtu(int mtu) {
      engine.mtu(mtu);
    }
  }

  @Override
  public String interfaceName() {
    return gateway.interfaceName();
  }

  @Override
  public synchronized void configure(DeviceUpdate update) throws DeviceException {
    int mark = update.fwmark().orElse(gateway.fwmark());
    int port = update.listenPort().orElse(gateway.listenPort());
    gateway.rebind(
        port,
        mark,
        () -> {
          engine.apply(update);
          gateway.peersChanged();
          return null;
        });
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
  public DeviceSnapshot snapshot() {
    try {
      return gateway.control(engine::snapshot);
    } catch (DeviceException e) {
      throw new IllegalStateException("no snapshot of " + interfaceName(), e);
    }
  }

  @Override
  public Map<PublicKey, PeerContact> contacts(Collection<PublicKey> peers) throws DeviceException {
    return gateway.control(() -> engine.contacts(peers));
  }

  @Override
  public int listenPort() {
    return gateway.listenPort();
  }

  @Override
  public int fwmark() {
    return gateway.fwmark();
  }

  @Override
  public GatewayStatus status() {
    return gateway.status();
  }

  /** From now on this ends when others rename the interface or move it away, as when deleted. */
  public void endWhenMoved() {
    gateway.endWhenMoved();
  }

  /** Why the device can only be closed any more, if that is so. */
  public Optional<String> failure() {
    return gateway.failure();
  }

  /** Returns when the device is closed and nothing of it is left, or when it has failed. */
  public void awaitClosed() throws InterruptedException {
    gateway.awaitClosed();
  }

  /**
   * Takes the interface, the sockets and the threads away and wipes the keys. May be called again.
   */
  @Override
  public void close() {
    gateway.close();
  }
}
