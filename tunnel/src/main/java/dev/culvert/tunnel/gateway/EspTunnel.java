// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.SaSecret;
import dev.culvert.tunnel.esp.SaStatus;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * An ESP device that moves packets. It ends when it is closed or its interface is deleted, renamed
 * or moved away. Thread-safe.
 *
 * @param <K> the type of its keying
 */
public final class EspTunnel<K extends Keying> implements EspDevice<K>, AutoCloseable {
  private static final int NOTICES_KEPT = 32;

  private final K keying;
  private final EspEngine engine;
  private final Gateway gateway;

  /** Guarded by itself. */
  private final ArrayDeque<DatedNotice> notices = new ArrayDeque<>();

  private EspTunnel(GatewayOptions options, K keying) throws DeviceException {
    String name = options.interfaceName();
    this.keying = keying;
    Map<AeadAlgorithm, AeadBackend> backends = new EnumMap<>(AeadAlgorithm.class);
    for (AeadAlgorithm algorithm : AeadAlgorithm.values()) {
      backends.put(algorithm, AeadBackends.first(algorithm));
    }
    engine = new EspEngine(keying, backends);
    try {
      EngineEvents events =
          EngineEvents.open(name, options.stateDirectory(), keying::minimumTimestamp, this::keep);
      gateway = Gateway.open(engine, events, options);
    } catch (DeviceException | RuntimeException e) {
      engine.close();
      throw e;
    }
  }

  /**
   * Makes the interface (down, without addresses), binds the UDP port in both families and starts
   * moving packets; before {@link #configure} there are none.
   *
   * @param keying closed with this gateway, and also if it cannot be opened
   * @throws DeviceException if the interface or the sockets cannot be opened
   */
  public static <K extends Keying> EspTunnel<K> open(GatewayOptions options, K keying)
      throws DeviceException {
    Preparation.startNetty();
    EspTunnel<K> opened = new EspTunnel<>(options, keying);
    opened.gateway.endWhenMoved();
    opened.gateway.chooseCipher(
        AeadAlgorithm.AES_GCM, backend -> opened.engine.useBackend(AeadAlgorithm.AES_GCM, backend));
    return opened;
  }

  private void keep(TunnelEvent.Notice notice) {
    synchronized (notices) {
      if (notices.size() == NOTICES_KEPT) {
        notices.remove();
      }
      notices.add(new DatedNotice(Instant.now(), notice));
    }
  }

  @Override
  public RunningTunnel tunnel() {
    return gateway;
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
  public void restore(StateReader state) throws DeviceException {
    gateway.restore(state);
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

  /** Closes the tunnel and the keying and wipes the keys. May be called again. */
  @Override
  public void close() {
    gateway.close();
  }
}
