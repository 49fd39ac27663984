package dev.culvert.tunnel.gateway;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

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
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PublicKey;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Collection;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A WireGuard device that moves packets. It ends when it is closed or its interface is deleted. */
public final class WireGuardGateway implements WireGuardDevice, ClusterDevice, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WireGuardGateway.class);

  private static final long CIPHER_DELAY_MILLIS = 500;

  /** Where lanes want all processors they get nine tenths. */
  private static final int CIPHER_NICENESS = 10;

  private final String name;
  private final WireGuardEngine engine;
  private final Gateway gateway;
  private final @Nullable TimestampStore timestamps;
  private volatile String cipher;

  private WireGuardGateway(GatewayOptions options) throws DeviceException {
    name = options.interfaceName();
    AeadBackend first = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    cipher = first.name();
    timestamps = openTimestamps(options.stateDirectory());
    engine = new WireGuardEngine(first, new SecureRandom(), options.keyLog());
    if (timestamps != null) {
      engine.minimumTimestamp(timestamps.floor(Instant.now()));
    }
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
    Thread.ofPlatform()
        .name(opened.interfaceName() + "-cipher")
        .daemon()
        .start(opened::chooseCipher);
    return opened;
  }

  private static @Nullable TimestampStore openTimestamps(@Nullable Path directory)
      throws DeviceException {
    try {
      return directory == null ? null : TimestampStore.open(directory);
    } catch (IOException e) {
      throw new DeviceException(String.valueOf(e.getMessage()), Errno.EIO, e);
    }
  }

  /**
   * What is fastest shows only once the JVM has compiled it; until then the first backend carries
   * the traffic. That takes a processor for seconds, so the first handshakes get theirs before, and
   * lanes get theirs meanwhile. (Linux keeps niceness for each thread.)
   */
  private void chooseCipher() {
    try {
      if (gateway.awaitClosed(CIPHER_DELAY_MILLIS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    LIBC.setpriority(LibC.PRIO_PROCESS, 0, CIPHER_NICENESS);
    AeadBackends.Selection selection = CipherChoice.select(AeadAlgorithm.CHACHA20_POLY1305);
    engine.useBackend(selection.backend());
    cipher = selection.backend().name();
    LOG.info("{}: cipher {} of {}", name, cipher, selection.candidates());
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
        case TunnelEvent.TimestampAnswered e -> keepTimestamp(e.timestamp());
        case TunnelEvent.KeyRefused e ->
            LOG.error("{}: a key for {} was refused: {}", name, e.peer(), e.reason());
      }
    }
  }

  private void keepTimestamp(Instant timestamp) {
    if (timestamps != null) {
      try {
        timestamps.answered(timestamp);
      } catch (IOException e) {
        LOG.warn("{}: handshake timestamp not kept: {}", name, e.toString());
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
    return gateway.status(cipher);
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
