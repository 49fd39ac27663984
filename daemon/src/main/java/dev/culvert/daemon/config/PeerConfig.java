// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One peer of a gateway.
 *
 * @param name for people; the public key if none was given
 * @param presharedKey null for none
 * @param endpoint null if the peer calls us
 * @param addresses the only ones from which the peer is heard; empty: it may be anywhere
 * @param allowedIps every address that is reached through the peer, and that it may send from
 * @param persistentKeepalive seconds, 0 for off
 */
public record PeerConfig(
    String name,
    PublicKey publicKey,
    @Nullable KeySource presharedKey,
    @Nullable HostPort endpoint,
    Set<IpAddress> addresses,
    List<Prefix> allowedIps,
    int persistentKeepalive) {
  public PeerConfig {
    addresses = Set.copyOf(addresses);
    allowedIps = List.copyOf(allowedIps);
  }
}
