// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.security.SecureRandom;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** An end that speaks WireGuard. */
final class WireGuardRehearsalEnd extends RehearsalEnd {
  private final byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());
  private final boolean fixed;

  private WireGuardRehearsalEnd(String name, int lanes, IpAddress address, boolean fixed)
      throws DeviceException {
    super(
        GatewayOptions.wireGuard(name, 0, lanes, GatewayOptions.BY_MACHINE, null, null),
        address,
        engine());
    this.fixed = fixed;
  }

  /**
   * Two ends.
   *
   * @param fixed whether each hears the other from one address only, as in a cluster
   */
  static List<WireGuardRehearsalEnd> pair(
      String name,
      int lanes,
      IpAddress address,
      String otherName,
      IpAddress otherAddress,
      boolean fixed)
      throws DeviceException {
    WireGuardRehearsalEnd first = new WireGuardRehearsalEnd(name, lanes, address, fixed);
    try {
      return List.of(first, new WireGuardRehearsalEnd(otherName, lanes, otherAddress, fixed));
    } catch (DeviceException | RuntimeException e) {
      first.close();
      throw e;
    }
  }

  private static WireGuardEngine engine() {
    return new WireGuardEngine(
        AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), new SecureRandom(), null);
  }

  @Override
  TunnelEngine newEngine() {
    return engine();
  }

  @Override
  String identity() {
    return publicKey().toString();
  }

  private PublicKey publicKey() {
    return PublicKey.of(X25519.publicKey(privateKey));
  }

  @Override
  boolean meetsFirst() {
    return false;
  }

  @Override
  void meet(TunnelEngine own, RehearsalEnd other) {
    if (!(own instanceof WireGuardEngine engine)
        || !(other instanceof WireGuardRehearsalEnd wireGuard)) {
      throw new IllegalArgumentException("another engine");
    }
    PeerUpdate peer =
        new PeerUpdate(
            wireGuard.publicKey(),
            false,
            false,
            null,
            other.endpoint(),
            fixed ? Set.of(other.endpoint().address()) : null,
            OptionalInt.empty(),
            true,
            List.of(new PeerUpdate.AllowedIpChange(Prefix.host(other.address()), false)));
    try (SecretBytes key = SecretBytes.copyOf(privateKey)) {
      engine.apply(
          new DeviceUpdate(key, OptionalInt.empty(), OptionalInt.empty(), true, List.of(peer)));
    }
  }
}
