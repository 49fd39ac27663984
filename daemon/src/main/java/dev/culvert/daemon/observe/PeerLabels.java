// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.PeerReading;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The names and ranges by which a configuration knows the peers of an engine. */
final class PeerLabels {
  private final Map<String, PeerConfig> configured;
  private final Map<String, String> ranges;

  PeerLabels(GatewayConfig config) {
    configured =
        config.peers().stream()
            .collect(Collectors.toMap(peer -> peer.publicKey().toString(), peer -> peer));
    ranges = nodeRanges(config.cluster());
  }

  /** A name that is not only the key again; empty if there is none. */
  String friendlyName(PeerReading peer) {
    PeerConfig settings = configured.get(peer.name());
    return settings == null || settings.name().equals(peer.name()) ? "" : settings.name();
  }

  /**
   * The ranges of a peer, separated by commas: for a node of a cluster those of its pods. Single
   * addresses of pods are left out, since pods come and go, and each change of a label makes a new
   * series; a node without ranges is named by its own addresses.
   */
  String allowedIps(PeerReading peer) {
    String ofNode = ranges.get(peer.name());
    if (ofNode != null) {
      return ofNode;
    }
    PeerConfig settings = configured.get(peer.name());
    return settings == null ? "" : text(settings.allowedIps().stream().sorted().toList());
  }

  private static Map<String, String> nodeRanges(ClusterConfig cluster) {
    if (cluster.scope() == ClusterConfig.Scope.PEERS) {
      return Map.of();
    }
    Map<String, String> ranges = new HashMap<>();
    for (ClusterNode node : cluster.map().nodes()) {
      @Nullable String key = node.peer();
      if (key != null) {
        List<Prefix> wide = node.podCidrs().stream().filter(PeerLabels::isRange).sorted().toList();
        ranges.put(
            key, text(wide.isEmpty() ? node.internal().stream().map(Prefix::host).toList() : wide));
      }
    }
    return Map.copyOf(ranges);
  }

  private static boolean isRange(Prefix range) {
    IpAddress address = range.address();
    return range.length() < (address.v4() ? 32 : 128);
  }

  private static String text(List<Prefix> ranges) {
    return ranges.stream().map(Prefix::toString).collect(Collectors.joining(","));
  }
}
