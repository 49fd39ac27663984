// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.Marks;
import dev.culvert.tunnel.port.OffloadModes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The gateway that {@code culvert up} is to run, from YAML or from wg(8)'s format. The values were
 * checked: names are valid, and each range has one owner. Files that the configuration names are
 * not read yet.
 *
 * @param interfaceName a valid Linux interface name
 * @param mtu 576 to 65535, or 0: 1420
 * @param addresses of the tunnel interface
 * @param listenPort UDP port, 0: any that is free
 * @param fwmark mark of the packets that carry the tunnel, 0: none, or ours with {@code routes}
 * @param lanes packet-moving threads, 0: chosen by the machine's processors
 * @param offload the wishes for the kernel's offloads
 * @param routes whether the kernel is steered and guarded as the cluster's policy asks
 * @param privateKey this gateway's identity in WireGuard and in ESP that is keyed by handshakes
 * @param cluster the nodes, and the traffic between them that is encrypted
 * @param peers WireGuard's
 * @param engine the protocol, with the settings that only that protocol needs
 * @param discovery the source of more nodes, or null
 * @param observability metrics and health over HTTP, or null for none
 * @param warnings for people, about settings in the file that work but should be changed
 */
public record GatewayConfig(
    String interfaceName,
    int mtu,
    List<InterfaceAddress> addresses,
    int listenPort,
    int fwmark,
    int lanes,
    OffloadModes offload,
    boolean routes,
    KeySource privateKey,
    ClusterConfig cluster,
    List<PeerConfig> peers,
    EngineConfig engine,
    @Nullable DiscoveryConfig discovery,
    @Nullable ObservabilityConfig observability,
    List<String> warnings) {
  public static final String DEFAULT_INTERFACE = "culvert0";

  public GatewayConfig {
    addresses = List.copyOf(addresses);
    peers = List.copyOf(peers);
    warnings = List.copyOf(warnings);
  }

  /** The marks that rules in the kernel match, with {@code routes}. */
  public Marks marks() {
    return Marks.of(fwmark);
  }

  /** The mark that the device's sockets put on their packets, 0 for none. */
  public int socketMark() {
    return routes ? marks().encapsulation().value() : fwmark;
  }

  /** The endpoints of the peers that have one. */
  public List<HostPort> endpoints() {
    Stream<@Nullable HostPort> all =
        switch (engine) {
          case EngineConfig.WireGuard wireGuard -> peers.stream().map(PeerConfig::endpoint);
          case EspConfig esp -> esp.peers().stream().map(EspConfig.Peer::endpoint);
        };
    return all.filter(Objects::nonNull).toList();
  }

  /** The peers whose endpoints are names. */
  public List<NamedPeer> namedPeers() {
    List<NamedPeer> named = new ArrayList<>();
    for (PeerConfig peer : peers) {
      HostPort at = peer.endpoint();
      if (at != null && at.isName()) {
        String id = peer.publicKey().toString();
        named.add(new NamedPeer(id, peer.name(), at.host(), at.port(), true, true));
      }
    }
    if (engine instanceof EspConfig esp) {
      for (EspConfig.Peer peer : esp.peers()) {
        HostPort at = peer.endpoint();
        if (at.isName()) {
          String id = peer.name();
          named.add(
              new NamedPeer(
                  id, id, at.host(), at.port(), esp.reaches(peer, true), esp.reaches(peer, false)));
        }
      }
    }
    return named;
  }

  /**
   * The peers' identities in the engine, by which they differ: the public key, or with ESP the
   * name.
   */
  public Set<String> peerIds() {
    Stream<String> ids =
        switch (engine) {
          case EngineConfig.WireGuard wireGuard ->
              peers.stream().map(peer -> peer.publicKey().toString());
          case EspConfig esp -> esp.peers().stream().map(EspConfig.Peer::name);
        };
    return ids.collect(Collectors.toSet());
  }

  /** The number of peers of either engine. */
  public int peerCount() {
    return switch (engine) {
      case EngineConfig.WireGuard wireGuard -> peers.size();
      case EspConfig esp -> esp.peers().size();
    };
  }
}
