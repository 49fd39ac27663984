// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import java.security.SecureRandom;
import java.util.List;

/**
 * Keys and addresses of a simulated peer.
 *
 * @param privateKey 32 bytes, only for this run
 * @param endpoint an address of its own on the loopback device, so that the gateway sees a source
 *     per peer
 * @param ranges its ranges, one per family
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record PeerIdentity(
    int number, byte[] privateKey, PublicKey publicKey, Endpoint endpoint, List<Prefix> ranges) {
  private static final int PORT = 51_821;
  private static final int PER_NET = 250;

  static PeerIdentity create(int number, SecureRandom random) {
    byte[] key = X25519.generatePrivateKey(random);
    IpAddress address =
        IpAddress.parse("127.1.%d.%d".formatted(number / PER_NET, number % PER_NET + 1));
    return new PeerIdentity(
        number,
        key,
        PublicKey.of(X25519.publicKey(key)),
        Endpoint.of(address, PORT),
        List.of(
            Prefix.parse("10.%d.%d.0/24".formatted(number / PER_NET, number % PER_NET)),
            Prefix.parse("fd00:0:0:%x::/64".formatted(number))));
  }

  String name() {
    return "peer-" + number;
  }
}
