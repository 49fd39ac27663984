// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerContact;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.Map;

/**
 * A WireGuard device that moves packets. It ends when it is closed or its interface is deleted, in
 * any network namespace.
 */
public final class WireGuardTunnel implements WireGuardDevice, AutoCloseable {
  private final WireGuardEngine engine;
  private final Gateway gateway;

  private WireGuardTunnel(GatewayOptions options) throws DeviceException {
    String name = options.interfaceName();
    AeadBackend first = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    engine = new WireGuardEngine(first, new SecureRandom(), options.keyLog());
    try {
      EngineEvents events =
          EngineEvents.open(name, options.stateDirectory(), engine::minimumTimestamp, notice -> {});
      gateway = Gateway.open(engine, events, options);
    } catch (DeviceException | RuntimeException e) {
      engine.close();
      throw e;
    }
  }

  /**
   * Makes the interface (down, without addresses), binds a free UDP port in both families and
   * starts moving packets.
   *
   * @throws DeviceException if the interface, the sockets or the state directory cannot be opened
   */
  public static WireGuardTunnel open(GatewayOptions options) throws DeviceException {
    Preparation.startNetty();
    WireGuardTunnel opened = new WireGuardTunnel(options);
    opened.gateway.chooseCipher(AeadAlgorithm.CHACHA20_POLY1305, opened.engine::useBackend);
    return opened;
  }

  @Override
  public RunningTunnel tunnel() {
    return gateway;
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
  public void restore(StateReader state) throws DeviceException {
    gateway.restore(state);
  }

  @Override
  public DeviceSnapshot snapshot() {
    try {
      return gateway.control(engine::snapshot);
    } catch (DeviceException e) {
      throw new IllegalStateException("no snapshot of " + gateway.interfaceName(), e);
    }
  }

  @Override
  public Map<PublicKey, PeerContact> contacts(Collection<PublicKey> peers) throws DeviceException {
    return gateway.control(() -> engine.contacts(peers));
  }

  /** Closes the tunnel and wipes the keys. May be called again. */
  @Override
  public void close() {
    gateway.close();
  }
}
