package dev.culvert.routing.plan;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import org.jspecify.annotations.Nullable;

/**
 * A route.
 *
 * @param table 1 to 2^31-1
 * @param device where it leads, or null: unreachable, packets are refused with an ICMP error
 * @param source the address that the host's own packets get, or null: the kernel chooses
 * @param metric 0 to 2^32-1, lower goes first; for IPv6 the kernel takes 0 for 1024
 * @param mtu bytes, or 0: the device's
 */
public record RoutePlan(
    int table,
    Prefix destination,
    @Nullable String device,
    @Nullable IpAddress source,
    long metric,
    int mtu) {
  /** The metric that any other route is preferred to. */
  public static final long WORST_METRIC = 0xffff_ffffL;

  public RoutePlan {
    if (table < 1 || metric < 0 || metric > WORST_METRIC || mtu < 0) {
      throw new IllegalArgumentException(
          "table " + table + ", metric " + metric + ", mtu " + mtu + " to " + destination);
    }
    if (source != null && source.v4() != destination.address().v4()) {
      throw new IllegalArgumentException("source " + source + " for " + destination);
    }
  }

  public static RoutePlan unreachable(int table, Prefix destination) {
    return new RoutePlan(table, destination, null, null, WORST_METRIC, 0);
  }

  public boolean isUnreachable() {
    return device == null;
  }
}
