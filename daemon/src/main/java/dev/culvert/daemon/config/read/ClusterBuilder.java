// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.DiscoveryConfig;
import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.daemon.config.Place;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The cluster while its file is read; {@link #build} makes the checks that concern several keys.
 */
final class ClusterBuilder {
  /**
   * The place at which each name was given first; {@code claims} has the same for each range, with
   * its node.
   */
  private final Map<String, Place> names = new HashMap<>();

  private final Map<Prefix, Claim> claims = new HashMap<>();
  final List<ClusterNode> nodes = new ArrayList<>();

  /** The place of the key {@code node}; null if the file has only peers. */
  private @Nullable Place selfPlace;

  private @Nullable String self;
  private boolean selfRequired = true;
  private @Nullable Place nodesPlace;

  /** The source of more nodes. */
  @Nullable DiscoveryConfig discovery;

  /** Whether this node's addresses and pods are known. */
  boolean selfKnown = true;

  final List<Prefix> clusterCidrs = new ArrayList<>();

  /** Ranges in which nodes may be that are not known yet. */
  final List<Prefix> nodeCidrs = new ArrayList<>();

  /** Ranges of this node, in a file that has only peers. */
  final List<Prefix> podCidrs = new ArrayList<>();

  /** Addresses of this node, in a file that has only peers, and those of the tunnel's interface. */
  final List<IpAddress> internal = new ArrayList<>();

  final Set<TrafficClass> encrypted = EnumSet.allOf(TrafficClass.class);
  boolean strictEgress = true;
  boolean strictIngress = true;
  final Set<BlindSpot> accepted = EnumSet.noneOf(BlindSpot.class);
  List<Exemption> exemptions = Policy.CONTROL_PLANE_EXEMPTIONS;

  private record Claim(String node, Place place) {}

  /**
   * Sets which node this is.
   *
   * @param required whether it has to be among the nodes; else only its name may be known
   */
  void self(Place place, String name, boolean required) {
    self = name;
    selfPlace = place;
    selfRequired = required;
  }

  boolean isSelf(String name) {
    return name.equals(self);
  }

  /** Notes that the file has a list of nodes, which may be empty. */
  void nodesAt(Place place) {
    nodesPlace = place;
  }

  void range(Place place, String node, Prefix range) throws ConfigException {
    if (range.length() == 0) {
      throw place.error(range + " is every address there is");
    }
    Claim before = claims.putIfAbsent(range, new Claim(node, place));
    if (before != null && !before.node.equals(node)) {
      throw place.error(
          range
              + " belongs to both "
              + before.node
              + " ("
              + (before.place.file().equals(place.file()) ? "" : before.place.file() + ", ")
              + before.place.lineText()
              + ") and "
              + node);
    }
  }

  void name(Place place, String node) throws ConfigException {
    Place before = names.putIfAbsent(node, place);
    if (before != null) {
      throw place.error("the same name as the node at " + before.lineText());
    }
  }

  /**
   * @param peers whose ranges are steered if the file names no nodes
   */
  ClusterConfig build(
      Place whole, Collection<PeerConfigBuilder> peers, Collection<InterfaceAddress> addresses)
      throws ConfigException {
    Policy policy = new Policy(encrypted, strictEgress, strictIngress, exemptions, accepted);
    if (self == null || selfPlace == null) {
      if (nodesPlace != null) {
        throw nodesPlace.error("'spec.node' has to say which of the nodes this is");
      }
      return new ClusterConfig(
          ClusterConfig.UNNAMED,
          ofPeers(whole, peers, addresses),
          policy,
          ClusterConfig.Scope.PEERS);
    }
    boolean known = names.containsKey(self);
    if (!known && selfRequired) {
      throw selfPlace.error(
          "no node is called '" + self + "'" + Suggestion.of(self, names.keySet()));
    }
    if (!known) {
      nodes.add(unknown(self));
    }
    return new ClusterConfig(
        self,
        map(whole, nodes),
        policy,
        selfKnown ? ClusterConfig.Scope.NODES : ClusterConfig.Scope.OTHER_NODES);
  }

  /** A node of which only the name is known. */
  private static ClusterNode unknown(String name) {
    return new ClusterNode(name, Set.of(), Map.of(), List.of(), List.of(), List.of(), null);
  }

  /**
   * Makes a node of each peer, of which only the ranges are known; this node's other addresses and
   * pods are asked of the kernel later.
   */
  private ClusterMap ofPeers(
      Place whole, Collection<PeerConfigBuilder> peers, Collection<InterfaceAddress> addresses)
      throws ConfigException {
    List<ClusterNode> all = new ArrayList<>();
    // The interface's addresses come first: the node itself sends from them into the tunnel.
    Set<IpAddress> own = new LinkedHashSet<>();
    addresses.forEach(a -> own.add(a.address()));
    own.addAll(internal);
    all.add(
        new ClusterNode(
            ClusterConfig.UNNAMED,
            Set.of(),
            Map.of(),
            List.copyOf(own),
            List.of(),
            podCidrs.stream().distinct().toList(),
            null));
    Set<String> taken = new HashSet<>();
    all.forEach(node -> taken.add(node.name()));
    for (PeerConfigBuilder peer : peers) {
      // A name is for people, and peers may share one; their identities differ.
      boolean unique = taken.add(peer.name);
      all.add(
          new ClusterNode(
              unique ? peer.name : peer.id(),
              Set.of(),
              Map.of(),
              List.of(),
              List.of(),
              List.copyOf(peer.allowedIps.keySet()),
              peer.id()));
    }
    return map(whole, all);
  }

  private ClusterMap map(Place whole, List<ClusterNode> all) throws ConfigException {
    try {
      return ClusterMap.of(all, clusterCidrs, nodeCidrs);
    } catch (IllegalArgumentException e) {
      throw whole.error(String.valueOf(e.getMessage()));
    }
  }
}
