// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import org.jspecify.annotations.Nullable;

/**
 * A routing policy rule: which table is asked for the packets that match everything given here. A
 * rule in the kernel is identified by all of its parts, never by its priority alone.
 *
 * @param v4 whether it is a rule of IPv4, else of IPv6
 * @param priority lower is asked first
 * @param local whether only this host's own packets match ({@code iif lo})
 * @param source null: any
 * @param destination null: any
 * @param protocol IP protocol number, 0: any
 * @param sourcePorts null: any; only with a protocol
 * @param destinationPorts null: any; only with a protocol
 * @param mark null: any
 * @param table which is asked, or {@link #UNREACHABLE}
 */
public record RulePlan(
    boolean v4,
    int priority,
    boolean local,
    @Nullable Prefix source,
    @Nullable Prefix destination,
    int protocol,
    @Nullable PortRange sourcePorts,
    @Nullable PortRange destinationPorts,
    @Nullable Mark mark,
    int table) {
  /** In place of a table: the packet is refused as unreachable, and no further rule is asked. */
  public static final int UNREACHABLE = 0;

  public RulePlan {
    if (priority < 1 || table < UNREACHABLE || protocol < 0 || protocol > 255) {
      throw new IllegalArgumentException(
          "priority " + priority + ", table " + table + ", protocol " + protocol);
    }
    if (protocol == 0 && (sourcePorts != null || destinationPorts != null)) {
      throw new IllegalArgumentException("ports without a protocol");
    }
    requireFamily(v4, source);
    requireFamily(v4, destination);
  }

  private static void requireFamily(boolean v4, @Nullable Prefix prefix) {
    if (prefix != null && prefix.address().v4() != v4) {
      throw new IllegalArgumentException(prefix + " in a rule of " + (v4 ? "IPv4" : "IPv6"));
    }
  }

  /** A rule for one mark. */
  public static RulePlan marked(boolean v4, int priority, Mark mark, int table) {
    return new RulePlan(v4, priority, false, null, null, 0, null, null, mark, table);
  }

  /**
   * A rule for all packets of a family, whose table need not have a route for every destination.
   */
  public static RulePlan all(boolean v4, int priority, int table) {
    return new RulePlan(v4, priority, false, null, null, 0, null, null, null, table);
  }

  /** A rule for one destination. */
  public static RulePlan to(int priority, Prefix destination, int table) {
    return new RulePlan(
        destination.address().v4(), priority, false, null, destination, 0, null, null, null, table);
  }
}
