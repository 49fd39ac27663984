// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.Prefixes;
import dev.culvert.routing.plan.AddressPlan;
import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardExemption;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.LinkPlan;
import dev.culvert.routing.plan.OuterHeaders;
import dev.culvert.routing.plan.Overlay;
import dev.culvert.routing.plan.RoutePlan;
import dev.culvert.routing.plan.RulePlan;
import dev.culvert.routing.plan.SysctlPlan;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Plans for a node with the tunnel device {@code tun0} and the underlay device {@code eth0}. */
final class Plans {
  static final int TABLE = 7101;
  static final Mark MARK = new Mark(0x100, 0xf00);
  static final Overlay OVERLAY = new Overlay(new Mark(0x300, 0xf00), List.of(), false);

  static final IpAddress LOCAL = IpAddress.parse("10.0.0.1");
  static final IpAddress LOCAL6 = IpAddress.parse("fd00::1");
  static final IpAddress REMOTE = IpAddress.parse("10.0.0.2");
  static final IpAddress REMOTE6 = IpAddress.parse("fd00::2");
  private static final Prefix LOCAL_PODS = Prefix.parse("10.244.1.0/24");
  private static final Prefix LOCAL_PODS6 = Prefix.parse("fd44:1::/64");
  private static final Prefix REMOTE_PODS = Prefix.parse("10.244.2.0/24");
  private static final Prefix REMOTE_PODS6 = Prefix.parse("fd44:2::/64");
  private static final Prefix CLUSTER = Prefix.parse("10.244.0.0/16");
  private static final Prefix CLUSTER6 = Prefix.parse("fd44::/16");

  private static final List<Prefix> FOREIGN =
      Stream.of(
              List.of(Prefix.host(REMOTE), Prefix.host(REMOTE6)),
              Prefixes.subtract(CLUSTER, List.of(LOCAL_PODS)),
              Prefixes.subtract(CLUSTER6, List.of(LOCAL_PODS6)))
          .flatMap(List::stream)
          .toList();

  private Plans() {}

  /** The ladder of a worker whose only peer, {@link #REMOTE}, is a control-plane node. */
  static KernelPlan worker() {
    return plan(1420, List.of(REMOTE, REMOTE6), List.of());
  }

  /** The same from the control-plane node's side, so that the addresses are swapped. */
  static KernelPlan plan(int mtu, List<IpAddress> remoteServers, List<IpAddress> localServers) {
    return new KernelPlan(
        TABLE,
        List.of(new LinkPlan("tun0", mtu)),
        List.of(new AddressPlan("tun0", IpAddress.parse("10.9.0.1"), 32)),
        List.of(
            new RoutePlan(TABLE, REMOTE_PODS, "tun0", LOCAL, 10, 0),
            new RoutePlan(TABLE, REMOTE_PODS6, "tun0", LOCAL6, 10, 1400),
            new RoutePlan(TABLE, Prefix.host(REMOTE), "tun0", LOCAL, 0, 1380),
            new RoutePlan(TABLE, Prefix.host(REMOTE6), "tun0", LOCAL6, 0, 0),
            RoutePlan.unreachable(TABLE, Prefix.parse("0.0.0.0/0")),
            RoutePlan.unreachable(TABLE, Prefix.parse("::/0"))),
        List.of(
            RulePlan.marked(true, 100, MARK, 254),
            RulePlan.marked(false, 100, MARK, 254),
            RulePlan.marked(true, 101, MARK, RulePlan.UNREACHABLE),
            RulePlan.marked(false, 101, MARK, RulePlan.UNREACHABLE),
            RulePlan.to(150, LOCAL_PODS, 254),
            RulePlan.to(150, LOCAL_PODS6, 254),
            toServer(REMOTE),
            toServer(REMOTE6),
            RulePlan.to(210, REMOTE_PODS, TABLE),
            RulePlan.to(210, REMOTE_PODS6, TABLE),
            RulePlan.to(220, Prefix.host(REMOTE), TABLE),
            RulePlan.to(220, Prefix.host(REMOTE6), TABLE),
            RulePlan.to(230, CLUSTER, TABLE),
            RulePlan.to(230, CLUSTER6, TABLE)),
        List.of(new SysctlPlan("net/ipv4/conf/eth0/src_valid_mark", "1")),
        guard(remoteServers, localServers));
  }

  private static RulePlan toServer(IpAddress server) {
    return new RulePlan(
        server.v4(), 200, true, null, Prefix.host(server), 6, null, PortRange.of(6443), null, 254);
  }

  static Guard guard(List<IpAddress> remoteServers, List<IpAddress> localServers) {
    return guard(remoteServers, localServers, new OuterHeaders(MARK, 51820));
  }

  static Guard guard(
      List<IpAddress> remoteServers, List<IpAddress> localServers, OuterHeaders outer) {
    return new Guard(
        List.of("eth0"),
        List.of("eth0"),
        List.of("eth0"),
        "tun0",
        List.of(Prefix.host(LOCAL), Prefix.host(LOCAL6)),
        List.of(LOCAL, LOCAL6),
        List.of(LOCAL_PODS, LOCAL_PODS6),
        List.of(Prefix.host(REMOTE), Prefix.host(REMOTE6)),
        List.of(),
        List.of(REMOTE_PODS, REMOTE_PODS6),
        List.of(
            Prefix.host(LOCAL),
            Prefix.host(REMOTE),
            CLUSTER,
            Prefix.host(LOCAL6),
            Prefix.host(REMOTE6),
            CLUSTER6),
        FOREIGN,
        outer,
        new Mark(0x200, 0xf00),
        OVERLAY,
        List.of(
            new GuardExemption(
                "apiserver", 6, List.of(PortRange.of(6443)), localServers, remoteServers, false)),
        Set.of(),
        true,
        true,
        true);
  }
}
