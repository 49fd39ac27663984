// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A node of the cluster.
 *
 * @param name unique in the cluster
 * @param roles such as {@code control-plane}
 * @param internal addresses that the other nodes use for it
 * @param external addresses that hosts outside of the cluster use for it
 * @param podCidrs ranges of its pods
 * @param peer the tunnel's identity of the node, or null if it has none yet: nothing can be
 *     encrypted for it, so its packets are dropped
 */
public record ClusterNode(
    String name,
    Set<String> roles,
    Map<String, String> labels,
    List<IpAddress> internal,
    List<IpAddress> external,
    List<Prefix> podCidrs,
    @Nullable String peer) {
  public ClusterNode {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a node without a name");
    }
    roles = Set.copyOf(roles);
    labels = Map.copyOf(labels);
    internal = List.copyOf(internal);
    external = List.copyOf(external);
    podCidrs = List.copyOf(podCidrs);
  }

  /** All its addresses, the internal ones first, each once. */
  public List<IpAddress> addresses() {
    return Stream.concat(internal.stream(), external.stream()).distinct().toList();
  }

  /** The address that this node's own packets into the tunnel carry, or null if it has none. */
  public @Nullable IpAddress source(boolean v4) {
    for (IpAddress address : addresses()) {
      if (address.v4() == v4 && !address.isLinkLocalV6()) {
        return address;
      }
    }
    return null;
  }
}
