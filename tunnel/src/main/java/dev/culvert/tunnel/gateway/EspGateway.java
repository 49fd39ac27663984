package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.SaStatus;
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
public final class EspGateway<K extends Keying> implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EspGateway.class);

  private static final int NOTICES_KEPT = 32;

  private final String name;
  private final K keying;
  private final EspEngine engine;
  private final Encapsulation encapsulation;
  private final Gateway gateway;

  /** Guarded by itself. */
  private final ArrayDeque<DatedNotice> notices = new ArrayDeque<>();

  /** What an operator should know, and since when. */
  public record DatedNotice(Instant at, TunnelEvent.Notice notice) {}

  /**
   * Asks or tells the keying something, on the thread that it belongs to.
   *
   * @param <K> where keys come from
   * @param <T> the answer
   */
  public interface KeyingTask<K extends Keying, T> {
    /**
     * Does it.
     *
     * @param nowNanos monotonic time, as the engine knows it
     */
    T run(K keying, long nowNanos) throws Exception;
  }

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
        case TunnelEvent.TimestampAnswered e ->
            LOG.trace("{}: {} took the timestamp {}", name, e.peer(), e.timestamp());
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

  public String interfaceName() {
    return gateway.interfaceName();
  }

  public int listenPort() {
    return gateway.listenPort();
  }

  public int fwmark() {
    return gateway.fwmark();
  }

  /**
   * These are all peers from now on, at this port and mark; all of it, or nothing. A peer whose
   * settings changed begins anew, the others keep what they have.
   *
   * @param port 0 for any that is free
   */
  public void configure(Collection<EspPeerSettings> peers, int port, int mark)
      throws DeviceException {
    gateway.rebind(
        port,
        mark,
        () -> {
          engine.peers(peers, System.nanoTime());
          return null;
        });
  }

  /**
   * Runs {@code task} on the control thread.
   *
   * @throws DeviceException with what it threw as cause, or where the gateway is closed
   */
  public <T> T keying(KeyingTask<K, T> task) throws DeviceException {
    return gateway.control(() -> task.run(keying, System.nanoTime()));
  }

  /** All security associations now. */
  public List<SaStatus> securityAssociations() throws DeviceException {
    return gateway.control(() -> engine.securityAssociations(System.nanoTime()));
  }

  /** The last things that an operator should know, oldest first. */
  public List<DatedNotice> notices() {
    synchronized (notices) {
      return List.copyOf(notices);
    }
  }

  /** Counters and what the kernel offers. */
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
