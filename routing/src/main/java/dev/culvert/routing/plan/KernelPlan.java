package dev.culvert.routing.plan;

import java.util.List;
import java.util.stream.IntStream;

/**
 * All that the kernel of one node should hold. Immutable and comparable: two equal plans ask for
 * the same.
 *
 * @param table the tunnel's routing table, which nobody else uses
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

  /** How many those are. */
  static final int TABLES = 5;

  /** The table of lines of the ladder that have too many ranges for a rule each. */
  static int rangesOf(int table) {
    return table + 1;
  }

  /** The table that keeps exempt replies to nodes from those to all else of the cluster. */
  static int clientsOf(int table) {
    return table + 2;
  }

  /** The table of what is encrypted near to what is left in clear for the same senders. */
  static int encryptedOf(int table, boolean fromNode) {
    return table + (fromNode ? 3 : 4);
  }
}
