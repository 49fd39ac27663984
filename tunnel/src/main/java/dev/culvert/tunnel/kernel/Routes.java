// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.RoutePlan.Kind;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Our routes in the kernel, through rtnetlink. They carry a protocol number of their own. */
public final class Routes {
  /**
   * {@code rtm_protocol} of every route that Culvert adds; rt_protos leaves it free for
   * applications.
   */
  public static final int PROTOCOL = 0xc7;

  static final int RTM_NEWROUTE = 24;
  static final int RTM_DELROUTE = 25;
  static final int RTM_GETROUTE = 26;
  static final int RTA_DST = 1;
  static final int RTA_OIF = 4;
  private static final int RTA_PRIORITY = 6;
  static final int RTA_PREFSRC = 7;
  static final int RTA_METRICS = 8;
  private static final int RTA_TABLE = 15;
  private static final int RTAX_MTU = 2;
  static final int RTN_UNICAST = 1;
  private static final int RTN_UNREACHABLE = 7;
  private static final int RTN_THROW = 9;
  private static final int RT_SCOPE_UNIVERSE = 0;
  private static final int RT_SCOPE_LINK = 253;
  private static final int RT_SCOPE_NOWHERE = 255;
  private static final int RTM_F_CLONED = 0x200;

  /** Bytes of struct rtmsg. */
  static final int RTMSG = 12;

  private final Netlink netlink;

  public Routes(Netlink netlink) {
    this.netlink = netlink;
  }

  /**
   * A route to an interface, or an unreachable one.
   *
   * @param interfaceIndex the interface that it leads to, or 0 for an unreachable route
   * @param table 1 to 2^31-1
   * @param metric 0 to 2^32-1, lower is preferred; for IPv6 the kernel replaces 0 by 1024
   * @param source the address that the host's own packets get, or null to let the kernel choose
   * @param mtu in bytes, or 0 for the interface's MTU
   */
  public record Route(
      Prefix destination,
      Kind kind,
      int interfaceIndex,
      int table,
      long metric,
      @Nullable IpAddress source,
      int mtu) {
    public Route {
      if ((kind == Kind.TO_DEVICE) != (interfaceIndex > 0)
          || table < 1
          || metric < 0
          || metric > 0xffff_ffffL
          || mtu < 0) {
        throw new IllegalArgumentException(
            "%s interface %d, table %d, metric %d, MTU %d"
                .formatted(kind, interfaceIndex, table, metric, mtu));
      }
      if (source != null && source.v4() != destination.address().v4()) {
        throw new IllegalArgumentException("source " + source + " for " + destination);
      }
    }

    public Route(
        Prefix destination,
        int interfaceIndex,
        int table,
        long metric,
        @Nullable IpAddress source) {
      this(destination, kind(interfaceIndex), interfaceIndex, table, metric, source, 0);
    }

    private static Kind kind(int interfaceIndex) {
      return interfaceIndex == 0 ? Kind.UNREACHABLE : Kind.TO_DEVICE;
    }

    @Override
    public String toString() {
      return (kind == Kind.TO_DEVICE ? "" : kind.name().toLowerCase(Locale.ROOT) + " ")
          + destination
          + (interfaceIndex == 0 ? "" : " dev " + interfaceIndex)
          + (source == null ? "" : " src " + source)
          + " table "
          + table
          + " metric "
          + metric
          + (mtu == 0 ? "" : " mtu " + mtu);
    }
  }

  /**
   * Adds a route.
   *
   * @throws ErrnoException EEXIST if the table has one to that destination at that metric
   */
  public void add(Route route) throws IOException {
    change(
        "add route", RTM_NEWROUTE, NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL, route);
  }

  /** Adds a route, or replaces the one to that destination at that metric. */
  public void replace(Route route) throws IOException {
    change(
        "replace route",
        RTM_NEWROUTE,
        NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_REPLACE,
        route);
  }

  /**
   * Deletes a route of ours.
   *
   * @throws ErrnoException ESRCH if there is none
   */
  public void delete(Route route) throws IOException {
    change("delete route", RTM_DELROUTE, 0, route);
  }

  private void change(String action, int type, int flags, Route route) throws IOException {
    boolean v4 = route.destination().address().v4();
    int scope = RT_SCOPE_UNIVERSE;
    if (v4 && type == RTM_DELROUTE) {
      scope = RT_SCOPE_NOWHERE;
    } else if (v4 && route.kind() == Kind.TO_DEVICE) {
      scope = RT_SCOPE_LINK;
    }
    NetlinkWriter request =
        header(type, flags | NetlinkMessage.NLM_F_ACK, v4, route.destination().length())
            .u8(0) // the table is in an attribute, which has room for its 32 bits
            .u8(PROTOCOL)
            .u8(scope)
            .u8(type(route.kind()))
            .u32(0)
            .attribute(RTA_TABLE, route.table())
            .attribute(RTA_DST, route.destination().address());
    if (route.kind() == Kind.TO_DEVICE) {
      request.attribute(RTA_OIF, route.interfaceIndex());
    }
    if (route.metric() != 0) {
      request.attribute(RTA_PRIORITY, (int) route.metric());
    }
    IpAddress source = route.source();
    if (source != null) {
      request.attribute(RTA_PREFSRC, source);
    }
    if (route.mtu() != 0) {
      request.nested(RTA_METRICS, RTAX_MTU, route.mtu());
    }
    netlink.request(action + " " + route, request);
  }

  private static int type(Kind kind) {
    return switch (kind) {
      case TO_DEVICE -> RTN_UNICAST;
      case UNREACHABLE -> RTN_UNREACHABLE;
      case THROW -> RTN_THROW;
    };
  }

  private static @Nullable Kind kind(int type) {
    return switch (type) {
      case RTN_UNICAST -> Kind.TO_DEVICE;
      case RTN_UNREACHABLE -> Kind.UNREACHABLE;
      case RTN_THROW -> Kind.THROW;
      default -> null;
    };
  }

  /** A request with struct rtmsg up to the type of service. */
  static NetlinkWriter header(int type, int flags, boolean v4, int length) {
    return new NetlinkWriter(type, flags)
        .u8(v4 ? LibC.AF_INET : LibC.AF_INET6)
        .u8(length)
        .u8(0)
        .u8(0);
  }

  /**
   * Our routes of both families.
   *
   * @param table 0 for all tables
   */
  public List<Route> list(int table) throws IOException {
    List<Route> routes = new ArrayList<>();
    for (boolean v4 : new boolean[] {true, false}) {
      NetlinkWriter request =
          header(RTM_GETROUTE, NetlinkMessage.NLM_F_DUMP, v4, 0)
              .u8(0)
              .u8(PROTOCOL)
              .u8(0)
              .u8(0)
              .u32(0);
      if (table != 0) {
        request.attribute(RTA_TABLE, table);
      }
      for (NetlinkMessage message : dumpTable(table, request)) {
        Route route = message.type() == RTM_NEWROUTE ? parse(message) : null;
        // Kernels before 4.20 do not filter.
        if (route != null && (table == 0 || route.table() == table)) {
          routes.add(route);
        }
      }
    }
    return routes;
  }

  /** Dumps a table. A table that was never used does not exist, which counts as empty. */
  private List<NetlinkMessage> dumpTable(int table, NetlinkWriter request) throws IOException {
    try {
      return netlink.dump("list routes of table " + table, request);
    } catch (ErrnoException e) {
      if (e.errno() == Errno.ENOENT) {
        return List.of();
      }
      throw e;
    }
  }

  /** Reads an RTM_NEWROUTE; null if it is not ours or of a kind that we never add. */
  private static @Nullable Route parse(NetlinkMessage message) throws ProtocolException {
    Map<Integer, ByteBuffer> attributes = message.attributes(RTMSG);
    ByteBuffer header = message.payload();
    Kind kind = kind(header.get(7));
    boolean ours = (header.get(5) & 0xff) == PROTOCOL && (header.getInt(8) & RTM_F_CLONED) == 0;
    if (!ours || kind == null) {
      return null;
    }
    boolean v4 = header.get(0) == LibC.AF_INET;
    IpAddress any = v4 ? IpAddress.ofV4(0) : IpAddress.ofV6(0, 0);
    IpAddress destination = NetlinkMessage.address(attributes.get(RTA_DST));
    // The kernel shows unreachable IPv6 routes on lo.
    int interfaceIndex =
        kind == Kind.TO_DEVICE ? NetlinkMessage.integer(attributes.get(RTA_OIF), 0) : 0;
    IpAddress first = destination == null ? any : destination;
    if ((kind == Kind.TO_DEVICE && interfaceIndex == 0) || first.v4() != v4) {
      return null;
    }
    return new Route(
        new Prefix(first, header.get(1) & 0xff),
        kind,
        interfaceIndex,
        NetlinkMessage.integer(attributes.get(RTA_TABLE), header.get(4) & 0xff),
        Integer.toUnsignedLong(NetlinkMessage.integer(attributes.get(RTA_PRIORITY), 0)),
        NetlinkMessage.address(attributes.get(RTA_PREFSRC)),
        mtu(attributes.get(RTA_METRICS)));
  }

  /**
   * Whether an RTM_NEWROUTE or RTM_DELROUTE is about a route of ours or a route in one of {@code
   * tables}.
   */
  static boolean concerns(NetlinkMessage message, Set<Integer> tables) throws ProtocolException {
    Map<Integer, ByteBuffer> attributes = message.attributes(RTMSG);
    ByteBuffer header = message.payload();
    return (header.get(5) & 0xff) == PROTOCOL
        || tables.contains(NetlinkMessage.integer(attributes.get(RTA_TABLE), header.get(4) & 0xff));
  }

  static int mtu(@Nullable ByteBuffer metrics) throws ProtocolException {
    return metrics == null
        ? 0
        : NetlinkMessage.integer(NetlinkMessage.nested(metrics).get(RTAX_MTU), 0);
  }
}
