// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A peer while its lines are read. */
final class PeerConfigBuilder {
  private final @Nullable PublicKey publicKey;

  /** Ranges, each with its place in the file. */
  final Map<Prefix, Place> allowedIps = new LinkedHashMap<>();

  /** The only addresses from which the peer is heard; empty: it may be anywhere. */
  final Set<IpAddress> addresses = new HashSet<>();

  String name;
  @Nullable KeySource presharedKey;
  @Nullable HostPort endpoint;
  int persistentKeepalive;

  PeerConfigBuilder(PublicKey publicKey) {
    this.publicKey = publicKey;
    this.name = publicKey.toString();
  }

  /** A peer without a key of its own. */
  PeerConfigBuilder(String name) {
    this.publicKey = null;
    this.name = name;
  }

  /** The peer's identity in the engine. */
  String id() {
    return publicKey == null ? name : publicKey.toString();
  }

  /** Takes the settings that a peer of WireGuard has, except its key. */
  void take(PeerSettings settings) {
    presharedKey = settings.presharedKey();
    endpoint = settings.endpoint();
    persistentKeepalive = settings.keepaliveSeconds();
  }

  void allowedIp(Place place, String text) throws ConfigException {
    allowedIps.putIfAbsent(Values.prefix(place, text), place);
  }

  /** The peer, for WireGuard. */
  PeerConfig build() {
    if (publicKey == null) {
      throw new IllegalStateException(name + " has no key");
    }
    return new PeerConfig(
        name,
        publicKey,
        presharedKey,
        endpoint,
        addresses,
        List.copyOf(allowedIps.keySet()),
        persistentKeepalive);
  }
}
