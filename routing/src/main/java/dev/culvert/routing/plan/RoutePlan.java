// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import org.jspecify.annotations.Nullable;

/**
 * A route.
 *
 * @param table 1 to 2^31-1
 * @param kind the fate of packets that find it
 * @param device the device that it leads to, or null for a route without a device
 * @param source the address that the host's own packets get, or null to let the kernel choose
 * @param metric 0 to 2^32-1, lower is preferred; for IPv6 the kernel replaces 0 by 1024
 * @param mtu in bytes, or 0 for the device's MTU
 */
public record RoutePlan(
    int table,
    Prefix destination,
    Kind kind,
    @Nullable String device,
    @Nullable IpAddress source,
    long metric,
    int mtu) {
  /** The metric of least preference. */
  public static final long WORST_METRIC = 0xffff_ffffL;

  /** The fate of a packet that finds the route. */
  public enum Kind {
    /** It leaves through the device. */
    TO_DEVICE,
    /** It is refused with an ICMP error. */
    UNREACHABLE,
    /** The table is left as if it had no route, and the next rule is asked. */
    THROW
  }

  public RoutePlan {
    if ((kind == Kind.TO_DEVICE) != (device != null)) {
      throw new IllegalArgumentException(kind + " of " + destination + " with device " + device);
    }
    if (table < 1 || metric < 0 || metric > WORST_METRIC || mtu < 0) {
      throw new IllegalArgumentException(
          "table " + table + ", metric " + metric + ", mtu " + mtu + " to " + destination);
    }
    if (source != null && source.v4() != destination.address().v4()) {
      throw new IllegalArgumentException("source " + source + " for " + destination);
    }
  }

  public RoutePlan(
      int table,
      Prefix destination,
      String device,
      @Nullable IpAddress source,
      long metric,
      int mtu) {
    this(table, destination, Kind.TO_DEVICE, device, source, metric, mtu);
  }

  public static RoutePlan unreachable(int table, Prefix destination) {
    return new RoutePlan(table, destination, Kind.UNREACHABLE, null, null, WORST_METRIC, 0);
  }

  public static RoutePlan skip(int table, Prefix destination) {
    return new RoutePlan(table, destination, Kind.THROW, null, null, WORST_METRIC, 0);
  }
}
