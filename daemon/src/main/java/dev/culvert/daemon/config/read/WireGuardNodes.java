// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.Values;
import dev.culvert.tunnel.noise.PublicKey;
import org.jspecify.annotations.Nullable;

/**
 * Makes WireGuard's peers of nodes. A node that has a key becomes a peer with all of its ranges.
 */
final class WireGuardNodes implements NodePeers {
  private final GatewayConfigBuilder config;

  WireGuardNodes(GatewayConfigBuilder config) {
    this.config = config;
  }

  @Override
  public KnownKeys keys() {
    return KnownKeys.KEY_PAIR;
  }

  @Override
  public @Nullable String peer(NodeEntry node, @Nullable NodeEntry self) throws ConfigException {
    Given<PublicKey> key = node.settings().publicKey();
    if (key == null) {
      return null;
    }
    if (!node.equals(self)) {
      PeerConfigBuilder peer = config.peer(key);
      peer.name = node.name();
      peer.allowedIps.putAll(node.ranges());
      peer.take(node.settings());
      if (peer.endpoint == null && !node.internal().isEmpty()) {
        String address = node.internal().getFirst().toString();
        peer.endpoint = new HostPort(address, EngineConfig.WireGuard.DEFAULT_PORT, key.place());
      }
      hearOnlyFrom(node, peer);
    }
    return key.value().toString();
  }

  /**
   * A node is where its entry says, as the routes and the guard say too; if its endpoint is a name
   * or unknown, it may be anywhere.
   */
  private static void hearOnlyFrom(NodeEntry node, PeerConfigBuilder peer) throws ConfigException {
    HostPort endpoint = peer.endpoint;
    if (endpoint != null && !endpoint.isName()) {
      peer.addresses.addAll(node.internal());
      peer.addresses.addAll(node.external());
      String[] addressAndScope = endpoint.host().split("%", 2);
      peer.addresses.add(Values.ip(endpoint.place(), addressAndScope[0]));
    }
  }
}
