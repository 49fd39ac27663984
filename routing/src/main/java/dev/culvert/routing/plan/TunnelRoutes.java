// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.Prefixes;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/** Collects the routes of the tunnel's tables while a plan is compiled. */
final class TunnelRoutes {
  private final ClusterNode node;
  private final LinkFacts facts;

  /** A set, since several lines of the ladder may need the same route. */
  private final Set<RoutePlan> routes = new LinkedHashSet<>();

  TunnelRoutes(ClusterNode node, LinkFacts facts) {
    this.node = node;
    this.facts = facts;
  }

  List<RoutePlan> list() {
    return List.copyOf(routes);
  }

  /**
   * Routes {@code range} into the device or, without the device, to nowhere. The kernel takes IPv6
   * off a device with too small an MTU, and refuses its routes.
   */
  void throughTunnel(int table, Prefix range) {
    boolean v4 = range.address().v4();
    if (v4 || facts.mtu() == 0 || facts.mtu() >= TunnelMtu.SMALLEST_FOR_IPV6) {
      IpAddress source = node.source(v4);
      routes.add(new RoutePlan(table, range, facts.tunnel(), source, 1, facts.mtu()));
    }
    routes.add(RoutePlan.unreachable(table, range));
  }

  /**
   * Fills a routing table with the ranges that go through the tunnel. Ranges inside them that do
   * not get a {@code throw} route, so that the kernel goes on with the next rule.
   */
  void apart(int table, List<Prefix> tunnelled, List<Prefix> others) {
    NavigableSet<Prefix> disjoint = new TreeSet<>(Prefixes.disjoint(tunnelled));
    // If all others are single addresses, no tunnelled range lies inside one, so the outermost
    // ranges suffice.
    boolean addresses =
        others.stream().allMatch(other -> other.length() == other.address().bitLength());
    (addresses ? disjoint : tunnelled).forEach(range -> throughTunnel(table, range));
    for (Prefix other : others) {
      Prefix range = disjoint.floor(other);
      if (range != null && range.contains(other)) {
        routes.add(RoutePlan.skip(table, other));
      }
    }
  }
}
