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
 * @param internal addresses that the nodes reach each other at
 * @param external addresses that the world reaches it at
 * @param podCidrs ranges of its pods
 * @param peer what the tunnel knows it by, or null: it has no identity yet, so nothing can be
 *     encrypted for it, and nothing leaves
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

  /** Internal addresses first, each once. */
  public List<IpAddress> addresses() {
    return Stream.concat(internal.stream(), external.stream()).distinct().toList();
  }

  /** The address that this node's own packets into the tunnel carry, or null where it has none. */
  public @Nullable IpAddress source(boolean v4) {
    for (IpAddress address : addresses()) {
      if (address.v4() == v4 && !address.isLinkLocalV6()) {
        return address;
      }
    }
    return null;
  }
}
