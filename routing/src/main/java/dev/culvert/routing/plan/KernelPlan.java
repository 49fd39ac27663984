// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import java.util.List;
import java.util.stream.IntStream;

/**
 * The whole state that the kernel of one node should have. Immutable and comparable.
 *
 * @param table the tunnel's routing table, which no other program uses
 * @param rules sorted by priority
 */
public record KernelPlan(
    int table,
    List<LinkPlan> links,
    List<AddressPlan> addresses,
    List<RoutePlan> routes,
    List<RulePlan> rules,
    List<SysctlPlan> sysctls,
    Guard guard) {
  public KernelPlan {
    links = List.copyOf(links);
    addresses = List.copyOf(addresses);
    routes = List.copyOf(routes);
    rules = List.copyOf(rules);
    sysctls = List.copyOf(sysctls);
  }

  /** The routing tables that are ours alone: {@code table} and those after it. */
  public List<Integer> tables() {
    return IntStream.range(table, table + TABLES).boxed().toList();
  }

  /** The number of the tunnel's routing tables. */
  static final int TABLES = 6;

  /** The table for lines of the ladder that have too many ranges for one rule per range. */
  static int rangesOf(int table) {
    return table + 1;
  }

  /**
   * The table that separates exempt replies to nodes from replies to the rest of the cluster.
   *
   * @param joining whether addresses at which a node may be that is not known yet count as nodes'
   */
  static int clientsOf(int table, boolean joining) {
    return table + (joining ? 5 : 2);
  }

  /** The table of encrypted ranges that lie inside ranges left in clear for the same senders. */
  static int encryptedOf(int table, boolean fromNode) {
    return table + (fromNode ? 3 : 4);
  }
}
