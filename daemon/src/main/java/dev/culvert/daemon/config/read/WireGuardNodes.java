// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.Values;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Makes WireGuard's peers of nodes. A node that has a key becomes a peer with all of its ranges.
 */
final class WireGuardNodes implements NodePeers {
  private final Path directory;
  private final GatewayConfigBuilder config;

  /**
   * @param directory the directory of relative paths
   */
  WireGuardNodes(Path directory, GatewayConfigBuilder config) {
    this.directory = directory;
    this.config = config;
  }

  @Override
  public KnownKeys keys() {
    return KnownKeys.KEY_PAIR;
  }

  @Override
  public @Nullable String peer(NodeEntry node, @Nullable NodeEntry self) throws ConfigException {
    YamlValue key = node.map().get("publicKey");
    if (key == null) {
      return null;
    }
    if (!node.equals(self)) {
      PeerConfigBuilder peer = config.peer(key.place(), key.text());
      peer.name = node.name();
      peer.allowedIps.putAll(node.ranges());
      YamlFormat.peerSettings(node.map(), peer, directory);
      if (peer.endpoint == null && !node.internal().isEmpty()) {
        String address = node.internal().getFirst().toString();
        peer.endpoint = new HostPort(address, EngineConfig.WireGuard.DEFAULT_PORT, key.place());
      }
    }
    return Values.publicKey(key.place(), key.text()).toString();
  }
}
