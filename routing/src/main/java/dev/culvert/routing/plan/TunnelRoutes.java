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

/** The routes of the tunnel's tables while a plan is made. */
final class TunnelRoutes {
  private final ClusterNode node;
  private final LinkFacts facts;

  /** Each once: several lines of the ladder may ask for the same ones. */
  private final Set<RoutePlan> routes = new LinkedHashSet<>();

  TunnelRoutes(ClusterNode node, LinkFacts facts) {
    this.node = node;
    this.facts = facts;
  }

  List<RoutePlan> list() {
    return List.copyOf(routes);
  }

  /** Into the device, and without it nowhere. */
  void throughTunnel(int table, Prefix range) {
    IpAddress source = node.source(range.address().v4());
    routes.add(new RoutePlan(table, range, facts.tunnel(), source, 1, facts.mtu()));
    routes.add(RoutePlan.unreachable(table, range));
  }

  /**
   * Makes a table that answers for what goes through the tunnel. What lies in that and does not is
   * left to the rules that follow.
   */
  void apart(int table, List<Prefix> tunnelled, List<Prefix> others) {
    NavigableSet<Prefix> disjoint = new TreeSet<>(Prefixes.disjoint(tunnelled));
    // Between an address and the range around it there is no room for one of the others.
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
