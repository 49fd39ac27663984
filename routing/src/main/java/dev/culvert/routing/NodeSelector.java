// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.Map;
import java.util.Set;

/**
 * Selects the nodes that have all of these roles and labels. An empty selector selects all nodes.
 */
public record NodeSelector(Set<String> roles, Map<String, String> labels) {
  public NodeSelector {
    roles = Set.copyOf(roles);
    labels = Map.copyOf(labels);
  }

  public static NodeSelector role(String role) {
    return new NodeSelector(Set.of(role), Map.of());
  }

  public boolean matches(ClusterNode node) {
    return node.roles().containsAll(roles)
        && node.labels().entrySet().containsAll(labels.entrySet());
  }
}
