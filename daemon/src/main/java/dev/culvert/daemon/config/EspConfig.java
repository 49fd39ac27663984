// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import dev.culvert.tunnel.port.Encapsulation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A gateway that speaks ESP.
 *
 * @param nodeAddresses this node's addresses, as its peers name them: at most one per family
 * @param localRanges the ranges behind this node: the same that its peers list as its allowedIps
 * @param binding the traffic that one SA carries: with nodes as the policy says, with peers the
 *     ranges that the file lists
 * @param esn whether sequence numbers have 64 bits: the same at all nodes
 * @param encapsulation the headers around sealed packets: the same at all nodes
 * @param keying the source of keys
 */
public record EspConfig(
    List<IpAddress> nodeAddresses,
    List<Prefix> localRanges,
    Binding binding,
    boolean esn,
    Encapsulation encapsulation,
    KeyingConfig keying,
    List<Peer> peers)
    implements EngineConfig {
  public static final int DEFAULT_PORT = Encapsulation.ESP_PORT;

  public EspConfig {
    nodeAddresses = List.copyOf(nodeAddresses);
    localRanges = List.copyOf(localRanges);
    peers = List.copyOf(peers);
  }

  /**
   * Whether a peer can be at an address of this family. A peer without an address of its node has
   * to be at one of a family that this node has too.
   */
  boolean reaches(Peer peer, boolean v4) {
    return peer.address() != null || nodeAddresses.stream().anyMatch(own -> own.v4() == v4);
  }

  /**
   * One peer.
   *
   * @param endpoint its address and port on the underlay
   * @param address its node's address as both ends name it; null: the endpoint's
   * @param otherAddresses all addresses of its node, from which its packets may come too
   * @param allowedIps every address that is reached through it, and that it may send from
   * @param natKeepalive seconds without a packet to it after which a NAT's mapping is kept alive, 0
   *     for never; handshakes have their own keepalive instead ({@link NoiseKeyingConfig.Peer})
   */
  public record Peer(
      String name,
      HostPort endpoint,
      @Nullable IpAddress address,
      List<IpAddress> otherAddresses,
      List<Prefix> allowedIps,
      int natKeepalive) {
    public Peer {
      otherAddresses = List.copyOf(otherAddresses);
      allowedIps = List.copyOf(allowedIps);
    }
  }
}
