// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.port.StandInTun;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.security.SecureRandom;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * One gateway of a rehearsal: a real one, with keys of its own, except that its TUN device is a
 * stand-in and its peer is on the loopback device.
 */
final class RehearsalEnd implements AutoCloseable {
  private static final IpAddress LOOPBACK = IpAddress.parse("127.0.0.1");

  private final String name;
  private final int lanes;
  private final IpAddress address;
  private final SecureRandom random = new SecureRandom();
  private final byte[] privateKey = X25519.generatePrivateKey(random);
  private final StandInTun.Ends tun;
  private Gateway gateway;
  private WireGuardEngine engine;

  RehearsalEnd(String name, int lanes, IpAddress address) throws DeviceException {
    this.name = name;
    this.lanes = lanes;
    this.address = address;
    try {
      tun = StandInTun.open(name, lanes);
    } catch (ErrnoException e) {
      throw DeviceException.of(e);
    }
    engine = newEngine();
    gateway = Gateway.open(engine, event -> {}, options(null), options -> tun.tun());
  }

  private WireGuardEngine newEngine() {
    return new WireGuardEngine(backend(), random, null);
  }

  private static AeadBackend backend() {
    return AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
  }

  private GatewayOptions options(@Nullable Descriptors from) {
    return GatewayOptions.wireGuard(name, 0, lanes, GatewayOptions.BY_MACHINE, null, null)
        .continuing(from, false);
  }

  IpAddress address() {
    return address;
  }

  StandInTun.Ends tun() {
    return tun;
  }

  Gateway gateway() {
    return gateway;
  }

  /** Gives this end its keys and its only peer. */
  void meet(RehearsalEnd other) throws DeviceException {
    PeerUpdate peer =
        new PeerUpdate(
            PublicKey.of(X25519.publicKey(other.privateKey)),
            false,
            false,
            null,
            Endpoint.of(LOOPBACK, other.gateway.listenPort()),
            OptionalInt.empty(),
            true,
            List.of(new PeerUpdate.AllowedIpChange(Prefix.host(other.address), false)));
    try (SecretBytes key = SecretBytes.copyOf(privateKey)) {
      DeviceUpdate update =
          new DeviceUpdate(key, OptionalInt.empty(), OptionalInt.empty(), true, List.of(peer));
      gateway.control(
          () -> {
            engine.apply(update);
            return null;
          });
    }
  }

  /** Hands the gateway over to another one in this process, in the way that processes do it. */
  void handOver() throws DeviceException {
    Gateway former = gateway;
    try (StateWriter state = new StateWriter()) {
      WireGuardEngine next = newEngine();
      Descriptors copies = former.descriptors().copy();
      Gateway successor =
          Gateway.open(
              next, event -> {}, options(copies), with -> StandInTun.adopt(name, copies.queues()));
      former.pause(state);
      successor.restore(new StateReader(state.written()));
      engine = next;
      gateway = successor;
      successor.begin();
    } catch (ErrnoException e) {
      throw DeviceException.of(e);
    } finally {
      if (gateway != former) {
        former.close();
      }
    }
  }

  @Override
  public void close() {
    gateway.close();
    tun.close();
  }
}
