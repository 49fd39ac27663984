package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.security.SecureRandom;
import java.util.Collection;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A WireGuard device that moves packets. It ends when it is closed or its interface is deleted. */
public final class WireGuardGateway implements WireGuardDevice, ClusterDevice, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WireGuardGateway.class);

  private final String name;
  private final WireGuardEngine engine;
  private final Gateway gateway;
  private final HandshakeTimestamps timestamps;

  private WireGuardGateway(GatewayOptions options) throws DeviceException {
    name = options.interfaceName();
    AeadBackend first = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    engine = new WireGuardEngine(first, new SecureRandom(), options.keyLog());
    timestamps = HandshakeTimestamps.open(name, options.stateDirectory(), engine::minimumTimestamp);
    gateway = Gateway.open(new Speech(), options, 0, 0);
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
    public @Nullable TunnelPeer route4(int destination) {
      return engine.route4(destination);
    }

    @Override
    public @Nullable TunnelPeer route6(long high, long low) {
      return engine.route6(high, low);
    }

    /** A node's peer is its public key, in base64. */
    @Override
    public @Nullable TunnelPeer peer(String name) {
      return engine.peer(PublicKey.parseBase64(name));
    }

    @Override
    public int mtuWithin(int linkMtu, boolean outerV4) {
      return TunnelMtu.wireGuard(linkMtu, outerV4);
    }

    @Override
    public void mtu(int mtu) {
      engine.mtu(mtu);
    }

    @Override
    public void onEvent(TunnelEvent event) {
      switch (event) {
        case TunnelEvent.SessionEstablished e ->
            LOG.debug("{}: session with {} at {}", name, e.peer(), e.endpoint());
        case TunnelEvent.EndpointMoved e ->
            LOG.info("{}: {} moved from {} to {}", name, e.peer(), e.from(), e.to());
        case TunnelEvent.HandshakeAbandoned e ->
            LOG.warn("{}: {} did not answer {} handshakes", name, e.peer(), e.attempts());
        case TunnelEvent.TimestampAnswered e -> timestamps.answered(e.timestamp());
        case TunnelEvent.KeyRefused e ->
            LOG.error("{}: a key for {} was refused: {}", name, e.peer(), e.reason());
        case TunnelEvent.Notice e -> LOG.info("{}: {}", name, e.message());
      }
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
  public int fitUnderlay(HostFacts facts, Collection<IpAddress> peers) throws DeviceException {
    return gateway.fitUnderlay(facts, peers);
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

  /** Returns when the device is closed and nothing of it is left. */
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
