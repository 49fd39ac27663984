// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.Routes.RTA_DST;
import static dev.culvert.tunnel.kernel.Routes.RTA_METRICS;
import static dev.culvert.tunnel.kernel.Routes.RTA_OIF;
import static dev.culvert.tunnel.kernel.Routes.RTA_PREFSRC;
import static dev.culvert.tunnel.kernel.Routes.RTMSG;
import static dev.culvert.tunnel.kernel.Routes.RTM_GETROUTE;
import static dev.culvert.tunnel.kernel.Routes.RTM_NEWROUTE;
import static dev.culvert.tunnel.kernel.Routes.RTN_UNICAST;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Asks the kernel which way packets of the host's own take, as {@code ip route get} does. */
public final class RouteLookup {
  private static final int RTA_SRC = 2;
  private static final int RTA_MULTIPATH = 9;
  private static final int RTA_MARK = 16;
  private static final int RTA_IP_PROTO = 27;
  private static final int RTA_SPORT = 28;
  private static final int RTA_DPORT = 29;
  private static final int RTN_LOCAL = 2;
  private static final int RTM_F_FIB_MATCH = 0x2000;

  /** Bytes of struct rtnexthop. */
  private static final int NEXT_HOP = 8;

  private final Netlink netlink;

  public RouteLookup(Netlink netlink) {
    this.netlink = netlink;
  }

  /**
   * The way that a packet would take.
   *
   * @param source the source address that it would get
   * @param mtu the route's MTU in bytes, or 0 for the interface's
   */
  public record Way(int interfaceIndex, @Nullable IpAddress source, int mtu) {}

  /**
   * Looks up rules and tables for a packet of the host's own.
   *
   * @param mark the packet's mark, 0 for none
   * @return empty if there is no way, or if the destination is the host itself
   */
  public Optional<Way> lookUp(IpAddress destination, int mark) throws IOException {
    Map<Integer, ByteBuffer> route = ask(destination, mark, 0);
    int index = NetlinkMessage.integer(route.get(RTA_OIF), 0);
    if (index == 0) {
      return Optional.empty();
    }
    return Optional.of(
        new Way(
            index,
            NetlinkMessage.address(route.get(RTA_PREFSRC)),
            Routes.mtu(route.get(RTA_METRICS))));
  }

  /**
   * The interfaces that packets of the host's own may leave through: several, if the route has
   * several next hops. {@link #lookUp} names one of them.
   *
   * @param mark the packets' mark, 0 for none
   */
  public Set<Integer> nextHops(IpAddress destination, int mark) throws IOException {
    Map<Integer, ByteBuffer> route = ask(destination, mark, RTM_F_FIB_MATCH);
    Set<Integer> interfaces = new TreeSet<>();
    ByteBuffer hops = route.get(RTA_MULTIPATH);
    int at = 0;
    while (hops != null && hops.limit() - at >= NEXT_HOP) {
      int length = hops.getShort(at) & 0xffff;
      if (length < NEXT_HOP || length > hops.limit() - at) {
        throw new ProtocolException("a next hop of " + length + " bytes");
      }
      interfaces.add(hops.getInt(at + 4));
      at += length + 3 & ~3;
    }
    interfaces.add(NetlinkMessage.integer(route.get(RTA_OIF), 0));
    interfaces.remove(0);
    return interfaces;
  }

  /** The attributes of the route that a packet of the host's own takes; none if there is no way. */
  private Map<Integer, ByteBuffer> ask(IpAddress destination, int mark, int flags)
      throws IOException {
    NetlinkWriter request =
        Routes.header(
                RTM_GETROUTE, NetlinkMessage.NLM_F_ACK, destination.v4(), destination.bitLength())
            .u32(0)
            .u32(flags)
            .attribute(RTA_DST, destination);
    if (mark != 0) {
      request.attribute(RTA_MARK, mark);
    }
    try {
      for (NetlinkMessage message : netlink.request("look up " + destination, request)) {
        if (message.type() == RTM_NEWROUTE && message.payload().get(7) == RTN_UNICAST) {
          return message.attributes(RTMSG);
        }
      }
      return Map.of();
    } catch (ErrnoException e) {
      if (e.errno() == Errno.ENETUNREACH || e.errno() == Errno.EHOSTUNREACH) {
        return Map.of();
      }
      throw e;
    }
  }

  /**
   * A packet of the host's own.
   *
   * @param sourcePort the UDP port, or 0 for a protocol without ports
   * @param mark the packet's mark, 0 for none
   */
  public record Flow(
      IpAddress source, int sourcePort, IpAddress destination, int destinationPort, int mark) {}

  /**
   * Whether packets of {@code flow} leave through that interface, or are for the host itself. Also
   * true if there is no way for them now, since then no other source would be better.
   */
  public boolean leavesThrough(int interfaceIndex, Flow flow) throws IOException {
    IpAddress to = flow.destination();
    int length = to.bitLength();
    NetlinkWriter request =
        new NetlinkWriter(RTM_GETROUTE, NetlinkMessage.NLM_F_ACK)
            .u8(to.v4() ? LibC.AF_INET : LibC.AF_INET6)
            .u8(length)
            .u8(length)
            .u8(0)
            .u32(0)
            .u32(0)
            .attribute(RTA_DST, to)
            .attribute(RTA_SRC, flow.source());
    if (flow.mark() != 0) {
      request.attribute(RTA_MARK, flow.mark());
    }
    if (flow.sourcePort() != 0) {
      request
          .attribute(RTA_IP_PROTO, (byte) IpProtocol.UDP)
          .attribute(RTA_SPORT, port(flow.sourcePort()))
          .attribute(RTA_DPORT, port(flow.destinationPort()));
    }
    try {
      for (NetlinkMessage message : netlink.request("look up " + to, request)) {
        if (message.type() == RTM_NEWROUTE && message.payload().get(7) == RTN_UNICAST) {
          Map<Integer, ByteBuffer> attributes = message.attributes(RTMSG);
          return NetlinkMessage.integer(attributes.get(RTA_OIF), 0) == interfaceIndex;
        }
      }
      return true;
    } catch (ErrnoException e) {
      return switch (e.errno()) {
        // For IPv4, this is also the kernel's answer if the source is no longer an address of the
        // host.
        case Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EACCES -> isLocal(flow.source());
        case Errno.EINVAL -> false;
        default -> throw e;
      };
    }
  }

  private boolean isLocal(IpAddress address) throws IOException {
    NetlinkWriter request =
        Routes.header(RTM_GETROUTE, NetlinkMessage.NLM_F_ACK, address.v4(), address.bitLength())
            .u32(0)
            .u32(0)
            .attribute(RTA_DST, address);
    try {
      return netlink.request("look up " + address, request).stream()
          .anyMatch(
              message -> message.type() == RTM_NEWROUTE && message.payload().get(7) == RTN_LOCAL);
    } catch (ErrnoException e) {
      if (e.errno() == Errno.ENETUNREACH || e.errno() == Errno.EHOSTUNREACH) {
        return false;
      }
      throw e;
    }
  }

  private static byte[] port(int port) {
    return new byte[] {(byte) (port >>> 8), (byte) port};
  }
}
