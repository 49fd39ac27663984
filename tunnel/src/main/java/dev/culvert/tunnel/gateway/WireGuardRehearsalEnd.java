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

/** An end that speaks WireGuard. */
final class WireGuardRehearsalEnd extends RehearsalEnd {
  private final byte[] privateKey = X25519.generatePrivateKey(new SecureRandom());

  WireGuardRehearsalEnd(String name, int lanes, IpAddress address) throws DeviceException {
    super(
        GatewayOptions.wireGuard(name, 0, lanes, GatewayOptions.BY_MACHINE, null, null),
        address,
        engine());
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
            PublicKey.of(X25519.publicKey(wireGuard.privateKey)),
            false,
            false,
            null,
            other.endpoint(),
            OptionalInt.empty(),
            true,
            List.of(new PeerUpdate.AllowedIpChange(Prefix.host(other.address()), false)));
    try (SecretBytes key = SecretBytes.copyOf(privateKey)) {
      engine.apply(
          new DeviceUpdate(key, OptionalInt.empty(), OptionalInt.empty(), true, List.of(peer)));
    }
  }
}
