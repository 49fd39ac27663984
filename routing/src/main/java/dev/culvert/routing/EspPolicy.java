// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The ranges that ESP keeps SAs for with one other node of a cluster (RFC 4301 section 4.4.1).
 *
 * @param node the other node's name
 * @param local this node's addresses and pod ranges, sorted
 * @param remote the other node's addresses and pod ranges, sorted
 */
public record EspPolicy(String node, List<Prefix> local, List<Prefix> remote) {
  public EspPolicy {
    local = List.copyOf(local);
    remote = List.copyOf(remote);
  }

  /**
   * One policy for each other node, in the map's order.
   *
   * @param self the name of this node
   * @throws IllegalArgumentException if the map has no such node
   */
  public static Map<String, EspPolicy> of(ClusterMap map, String self) {
    int own = map.requireIndex(self);
    List<List<Prefix>> owned = new ArrayList<>();
    map.nodes().forEach(_ -> owned.add(new ArrayList<>()));
    map.claims().forEach((prefix, claim) -> owned.get(claim.node()).add(prefix));
    List<Prefix> local = List.copyOf(owned.get(own));
    Map<String, EspPolicy> policies = new LinkedHashMap<>();
    for (int node = 0; node < owned.size(); node++) {
      if (node != own) {
        String name = map.nodes().get(node).name();
        policies.put(name, new EspPolicy(name, local, owned.get(node)));
      }
    }
    return policies;
  }
}
