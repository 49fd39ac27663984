// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.routing.IpAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Makes ESP's peers of nodes. Both ends have to name a node by the same address: the first that the
 * map gives it, in a family that both nodes have, IPv4 before IPv6.
 */
final class EspNodes implements NodePeers {
  private final EspFormat format;
  private final GatewayConfigBuilder config;
  private final List<EspConfig.Peer> peers = new ArrayList<>();
  private @Nullable NodeEntry self;

  EspNodes(EspFormat format, GatewayConfigBuilder config) {
    this.format = format;
    this.config = config;
  }

  @Override
  public KnownKeys keys() {
    return format.identityKeys();
  }

  /** Makes a peer that has the node's name. */
  @Override
  public @Nullable String peer(NodeEntry node, @Nullable NodeEntry own) throws ConfigException {
    self = own;
    if (own == null) {
      return null;
    }
    if (format.needsIdentity() && node.settings().publicKey() == null) {
      return null;
    }
    if (node.equals(own)) {
      return node.name();
    }
    IpAddress address = common(node, own);
    if (address == null) {
      return null;
    }
    PeerConfigBuilder ranges = config.namedPeer(node.place(), node.name());
    ranges.allowedIps.putAll(node.ranges());
    format.identity(node.name(), node.settings());
    HostPort endpoint = node.settings().endpoint();
    peers.add(
        new EspConfig.Peer(
            node.name(),
            endpoint == null
                ? new HostPort(address.toString(), config.listenPort, node.place())
                : endpoint,
            address,
            Stream.concat(node.internal().stream(), node.external().stream()).distinct().toList(),
            List.copyOf(node.ranges().keySet()),
            format.natKeepalive(node.settings())));
    return node.name();
  }

  private static @Nullable IpAddress common(NodeEntry node, NodeEntry own) {
    for (boolean v4 : new boolean[] {true, false}) {
      IpAddress address = address(node, v4);
      if (address != null && address(own, v4) != null) {
        return address;
      }
    }
    return null;
  }

  private static @Nullable IpAddress address(NodeEntry node, boolean v4) {
    return Stream.concat(node.internal().stream(), node.external().stream())
        .filter(address -> address.v4() == v4)
        .findFirst()
        .orElse(null);
  }

  /** The configuration, once all nodes are read. */
  EspConfig config() throws ConfigException {
    Set<IpAddress> addresses = new LinkedHashSet<>();
    NodeEntry own = self;
    if (own != null) {
      for (boolean v4 : new boolean[] {true, false}) {
        IpAddress address = address(own, v4);
        if (address != null) {
          addresses.add(address);
        }
      }
    }
    return format.ofNodes(
        List.copyOf(addresses),
        own == null ? List.of() : List.copyOf(own.ranges().keySet()),
        peers);
  }
}
