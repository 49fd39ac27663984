// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.tunnel.noise.PublicKey;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Handshakes between static keys; this node's key is {@link GatewayConfig#privateKey}. */
public record NoiseKeyingConfig(List<Peer> peers) implements KeyingConfig {
  public static final String NAME = "noise";

  public NoiseKeyingConfig {
    peers = List.copyOf(peers);
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * The identity of a peer in handshakes.
   *
   * @param name of the peer
   * @param presharedKey null for none
   * @param persistentKeepalive seconds, 0 for off
   * @param place the place of its public key in the file
   */
  public record Peer(
      String name,
      PublicKey publicKey,
      @Nullable KeySource presharedKey,
      int persistentKeepalive,
      Place place) {}
}
