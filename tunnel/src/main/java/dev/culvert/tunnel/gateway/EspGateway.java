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
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.kernel.HostFacts;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An ESP device that moves packets. It ends when it is closed or its interface is deleted. Safe to
 * use from any thread.
 *
 * @param <K> where its keys come from
 */
public final class EspGateway<K extends Keying> implements EspDevice<K> {
  private static final Logger LOG = LoggerFactory.getLogger(EspGateway.class);

  private static final int NOTICES_KEPT = 32;

  private final String name;
  private final K keying;
  private final EspEngine engine;
  private final Encapsulation encapsulation;
  private final Gateway gateway;
  private final HandshakeTimestamps timestamps;

  /** Guarded by itself. */
  private final ArrayDeque<DatedNotice> notices = new ArrayDeque<>();

  private EspGateway(EspGatewayOptions options, K keying) throws DeviceException {
    name = options.interfaceName();
    encapsulation = options.encapsulation();
    this.keying = keying;
    Map<AeadAlgorithm, AeadBackend> backends = new EnumMap<>(AeadAlgorithm.class);
    for (AeadAlgorithm algorithm : AeadAlgorithm.values()) {
      backends.put(algorithm, AeadBackends.first(algorithm));
    }
    engine = new EspEngine(keying, backends);
    try {
      timestamps =
          HandshakeTimestamps.open(name, options.stateDirectory(), keying::minimumTimestamp);
      gateway = Gateway.open(new Speech(), options.gateway(), options.port(), options.fwmark());
    } catch (DeviceException | RuntimeException e) {
      engine.close();
      throw e;
    }
  }

  /**
   * Makes the interface (down, without addresses), binds the UDP port in both families and starts
   * moving packets; before {@link #configure} there are none.
   *
   * @param keying closed with this gateway, also where it cannot be opened
   * @throws DeviceException where the interface or the sockets cannot be had
   */
  public static <K extends Keying> EspGateway<K> open(EspGatewayOptions options, K keying)
      throws DeviceException {
    Preparation.startNetty();
    EspGateway<K> opened = new EspGateway<>(options, keying);
    opened.gateway.chooseCipher(
        AeadAlgorithm.AES_GCM, backend -> opened.engine.useBackend(AeadAlgorithm.AES_GCM, backend));
    return opened;
  }

  /** The engine as lanes and the control loop use it. */
  private final class Speech implements Protocol {
    @Override
    public TunnelEngine engine() {
      return engine;
    }

    @Override
    public Encapsulation encapsulation() {
      return encapsulation;
    }

    @Override
    public @Nullable TunnelPeer route4(int destination) {
      return engine.route4(destination);
    }

    @Override
    public @Nullable TunnelPeer route6(long high, long low) {
      return engine.route6(high, low);
    }

    @Override
    public @Nullable TunnelPeer peer(String peer) {
      return engine.peer(peer);
    }

    @Override
    public int mtuWithin(int linkMtu, boolean outerV4) {
      return TunnelMtu.esp(linkMtu, outerV4, encapsulation == Encapsulation.UDP);
    }

    @Override
    public void mtu(int mtu) {
      // ESP pads to four bytes only, whatever the MTU.
    }

    @Override
    public void onEvent(TunnelEvent event) {
      switch (event) {
        case TunnelEvent.SessionEstablished e ->
            LOG.debug("{}: keys with {} at {}", name, e.peer(), e.endpoint());
        case TunnelEvent.EndpointMoved e ->
            LOG.info("{}: {} moved from {} to {}", name, e.peer(), e.from(), e.to());
        case TunnelEvent.HandshakeAbandoned e ->
            LOG.warn("{}: {} did not answer {} handshakes", name, e.peer(), e.attempts());
        case TunnelEvent.TimestampAnswered e -> timestamps.answered(e.timestamp());
        case TunnelEvent.KeyRefused e ->
            LOG.error("{}: a key for {} was refused: {}", name, e.peer(), e.reason());
        case TunnelEvent.Notice e -> keep(e);
      }
    }
  }

  private void keep(TunnelEvent.Notice notice) {
    if (notice.isWarning()) {
      LOG.warn("{}: {}", name, notice.message());
    } else {
      LOG.info("{}: {}", name, notice.message());
    }
    synchronized (notices) {
      if (notices.size() == NOTICES_KEPT) {
        notices.remove();
      }
      notices.add(new DatedNotice(Instant.now(), notice));
    }
  }

  @Override
  public String interfaceName() {
    return gateway.interfaceName();
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
  public void configure(Collection<EspPeerSettings> peers, int port, int mark)
      throws DeviceException {
    gateway.rebind(
        port,
        mark,
        () -> {
          engine.peers(peers, System.nanoTime());
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
  public <T> T keying(KeyingTask<K, T> task) throws DeviceException {
    return gateway.control(() -> task.run(keying, System.nanoTime()));
  }

  @Override
  public List<SaSecret> secrets() throws DeviceException {
    return gateway.control(engine::secrets);
  }

  @Override
  public List<SaStatus> securityAssociations() throws DeviceException {
    return gateway.control(() -> engine.securityAssociations(System.nanoTime()));
  }

  @Override
  public List<EspPeerStatus> peers() throws DeviceException {
    return gateway.control(engine::peerStatus);
  }

  @Override
  public List<DatedNotice> notices() {
    synchronized (notices) {
      return List.copyOf(notices);
    }
  }

  @Override
  public GatewayStatus status() {
    return gateway.status();
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
