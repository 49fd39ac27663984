// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterMap.Claim;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Policy;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.Prefixes;
import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Works out the state that the kernel of one node should have: the ladder of rules, the tunnel's
 * tables and the guard, from the same map and policy as the classifier. Used for one plan.
 *
 * <p>The kernel asks rules by priority and not by the longest prefix, so a range that contains
 * ranges of other nodes is split around them.
 */
public final class PlanCompiler {
  /** Packets with our marks leave as they are. */
  public static final int MARKED = 100;

  /**
   * Follows {@link #MARKED} for the case that the main table has no route: our own packets must not
   * be routed into the tunnel, which would seal them again and again.
   */
  public static final int MARKED_ELSEWHERE = 101;

  public static final int LOCAL_PODS = 150;
  public static final int EXEMPT = 200;

  /** Precedes {@link #IN_CLEAR}: encrypted ranges that lie inside ranges left in clear. */
  static final int NOT_IN_CLEAR = 204;

  /** Classes that the policy leaves in clear. */
  public static final int IN_CLEAR = 205;

  public static final int REMOTE_PODS = 210;
  public static final int REMOTE_NODES = 220;
  public static final int CLUSTER = 230;

  /** The kernel's main table. */
  public static final int MAIN = 254;

  /** Precedes {@link #EXEMPT}: replies to pods, or to addresses without an owner. */
  static final int NOT_EXEMPT = 199;

  /**
   * The most rules for one line of the ladder, since the kernel walks its rules one by one. If a
   * line needs more, ranges inside the cluster's range are left to that range's rule, which does
   * the same, and the others become routes in a table of their own, which the kernel looks up
   * without a walk.
   */
  static final int MANY = 256;

  /**
   * Multicast, broadcast and link-local ranges, whose addresses mean different hosts on each link.
   */
  private static final List<Prefix> EVERYBODYS =
      Stream.of("224.0.0.0/4", "255.255.255.255/32", "ff00::/8", "fe80::/10")
          .map(Prefix::parse)
          .toList();

  /**
   * The most rules for wide ranges that cover many destinations and some addresses between them.
   */
  private static final int COVER = 16;

  private final ClusterMap map;
  private final Policy policy;
  private final int self;
  private final ClusterNode node;
  private final LinkFacts facts;
  private final int many;
  private final List<Prefix> localPods;
  private final List<Prefix> remotePods;
  private final List<Prefix> remoteNodes;

  /** The other nodes, and the addresses at which a node may be that is not known yet. */
  private final List<Prefix> clients;

  private final List<RulePlan> rules = new ArrayList<>();

  private final TunnelRoutes routes;

  private PlanCompiler(ClusterMap map, Policy policy, String self, LinkFacts facts, int many) {
    this.map = map;
    this.policy = policy;
    this.self = map.indexOf(self);
    this.node = map.node(self);
    this.facts = facts;
    this.many = many;
    routes = new TunnelRoutes(node, facts);
    localPods = claimed(claim -> claim.node() == this.self && !claim.address());
    remotePods = claimed(claim -> claim.node() != this.self && !claim.address());
    remoteNodes = claimed(claim -> claim.node() != this.self && claim.address());
    clients =
        policy.exemptions().stream().noneMatch(Exemption::joining)
            ? List.of()
            : Prefixes.disjoint(
                Stream.concat(remoteNodes.stream(), map.joining().stream()).toList());
  }

  private List<Prefix> claimed(Predicate<Claim> which) {
    return map.claims().entrySet().stream()
        .filter(entry -> which.test(entry.getValue()))
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  /**
   * The plan of the node named {@code self}.
   *
   * @throws IllegalArgumentException if the map has no such node
   */
  public static KernelPlan compile(ClusterMap map, Policy policy, String self, LinkFacts facts) {
    return compile(map, policy, self, facts, MANY);
  }

  /**
   * Compiles a plan with another limit on rules.
   *
   * @param many the most rules for one line of the ladder
   */
  static KernelPlan compile(ClusterMap map, Policy policy, String self, LinkFacts facts, int many) {
    return new PlanCompiler(map, policy, self, facts, many).plan();
  }

  private KernelPlan plan() {
    marked();
    localPods();
    exempt();
    inClear();
    tunnelled();
    defaults();
    rules.sort(Comparator.comparingInt(RulePlan::priority));
    return new KernelPlan(
        facts.table(),
        List.of(new LinkPlan(facts.tunnel(), facts.mtu())),
        List.of(),
        routes.list(),
        rules.stream().distinct().toList(),
        sysctls(),
        guard());
  }

  /** Whether any address of the cluster is of this family. */
  private boolean uses(boolean v4) {
    return Stream.concat(map.claims().keySet().stream(), map.clusterCidrs().stream())
        .anyMatch(prefix -> prefix.address().v4() == v4);
  }

  private void marked() {
    for (boolean v4 : new boolean[] {true, false}) {
      for (Mark mark : List.of(facts.outer().mark(), facts.bypass())) {
        rules.add(RulePlan.marked(v4, MARKED, mark, MAIN));
        rules.add(RulePlan.marked(v4, MARKED_ELSEWHERE, mark, RulePlan.UNREACHABLE));
      }
    }
  }

  private void localPods() {
    for (Prefix range : localPods) {
      withoutOthers(range).forEach(part -> rules.add(RulePlan.to(LOCAL_PODS, part, MAIN)));
    }
  }

  /** A pod range without the longer prefixes inside it that belong to other nodes. */
  private List<Prefix> withoutOthers(Prefix range) {
    Stream<Prefix> claimed =
        map.claims().navigableKeySet().tailSet(range, false).stream().takeWhile(range::contains);
    Stream<Prefix> cidrs =
        map.clusterCidrs().stream()
            .filter(cidr -> cidr.length() > range.length() && range.contains(cidr));
    return Prefixes.subtract(range, Stream.concat(claimed, cidrs).toList());
  }

  private void exempt() {
    for (Exemption exemption : policy.exemptions()) {
      for (PortRange ports : exemption.ports()) {
        if (exemption.servers().matches(node)) {
          for (IpAddress own : node.addresses()) {
            replies(exemption, ports, own);
          }
        }
        for (IpAddress server : remoteServers(exemption)) {
          rules.add(
              new RulePlan(
                  server.v4(),
                  EXEMPT,
                  true,
                  null,
                  Prefix.host(server),
                  exemption.protocol(),
                  null,
                  ports,
                  null,
                  MAIN));
        }
      }
    }
  }

  /**
   * Exempts replies to nodes only: a pod's request through the tunnel is answered through the
   * tunnel.
   */
  private void replies(Exemption exemption, PortRange ports, IpAddress own) {
    List<Prefix> served = family(exemption.joining() ? clients : remoteNodes, own.v4());
    if (served.size() <= many) {
      served.forEach(client -> rules.add(reply(EXEMPT, exemption, ports, own, client, MAIN)));
    } else {
      int table = KernelPlan.clientsOf(facts.table(), exemption.joining());
      rules.add(reply(NOT_EXEMPT, exemption, ports, own, null, table));
      rules.add(reply(EXEMPT, exemption, ports, own, null, MAIN));
      allBut(served, table, own.v4());
    }
  }

  private static RulePlan reply(
      int priority,
      Exemption exemption,
      PortRange ports,
      IpAddress own,
      @Nullable Prefix client,
      int table) {
    return new RulePlan(
        own.v4(),
        priority,
        true,
        Prefix.host(own),
        client,
        exemption.protocol(),
        ports,
        null,
        null,
        table);
  }

  private void allBut(List<Prefix> served, int table, boolean v4) {
    List<Prefix> tunnelled = strictCidrs();
    tunnelled.removeAll(served);
    List<Prefix> others = new ArrayList<>(served);
    (policy.inClear().contains(TrafficClass.NODE_TO_POD) ? others : tunnelled).addAll(remotePods);
    routes.apart(table, family(tunnelled, v4), family(others, v4));
  }

  /** The cluster's own ranges, except those that a node owns. */
  private List<Prefix> strictCidrs() {
    List<Prefix> cidrs = new ArrayList<>(policy.strictEgress() ? map.clusterCidrs() : List.of());
    cidrs.removeIf(map.claims()::containsKey);
    return cidrs;
  }

  private static List<Prefix> family(List<Prefix> prefixes, boolean v4) {
    return prefixes.stream().filter(prefix -> prefix.address().v4() == v4).toList();
  }

  private List<IpAddress> remoteServers(Exemption exemption) {
    return map.nodes().stream()
        .filter(other -> !other.equals(node) && exemption.servers().matches(other))
        .flatMap(other -> other.addresses().stream())
        .toList();
  }

  private void inClear() {
    for (boolean fromNode : new boolean[] {true, false}) {
      List<Prefix> clear = new ArrayList<>();
      List<Prefix> encrypted = strictCidrs();
      (inClear(fromNode, true) ? clear : encrypted).addAll(remoteNodes);
      (inClear(fromNode, false) ? clear : encrypted).addAll(remotePods);
      if (clear.size() > many) {
        inClearNearly(fromNode, true, family(clear, true), family(encrypted, true));
        inClearNearly(fromNode, false, family(clear, false), family(encrypted, false));
        continue;
      }
      for (Prefix range : clear) {
        for (Prefix part : withoutOthers(range)) {
          inClear(IN_CLEAR, fromNode, part.address().v4(), part, MAIN);
        }
      }
    }
  }

  private boolean inClear(boolean fromNode, boolean toNode) {
    return policy.inClear().contains(TrafficClass.of(fromNode, toNode));
  }

  /**
   * Covers many clear ranges with a few wide rules. Encrypted ranges inside those get routes in a
   * table of their own, which is asked first.
   */
  private void inClearNearly(
      boolean fromNode, boolean v4, List<Prefix> clear, List<Prefix> encrypted) {
    if (clear.isEmpty()) {
      return;
    }
    List<Prefix> cover = Prefixes.cover(clear, COVER);
    List<Prefix> near =
        encrypted.stream()
            .filter(
                range ->
                    cover.stream().anyMatch(wide -> wide.contains(range) || range.contains(wide)))
            .toList();
    int table = KernelPlan.encryptedOf(facts.table(), fromNode);
    if (!near.isEmpty()) {
      inClear(NOT_IN_CLEAR, fromNode, v4, null, table);
      routes.apart(table, near, clear);
    }
    cover.forEach(range -> inClear(IN_CLEAR, fromNode, v4, range, MAIN));
  }

  private void inClear(
      int priority, boolean fromNode, boolean v4, @Nullable Prefix destination, int table) {
    if (fromNode) {
      rules.add(inClear(v4, priority, true, null, destination, table));
      return;
    }
    family(localPods, v4).stream()
        .flatMap(range -> withoutOthers(range).stream())
        .forEach(source -> rules.add(inClear(v4, priority, false, source, destination, table)));
  }

  private static RulePlan inClear(
      boolean v4,
      int priority,
      boolean local,
      @Nullable Prefix source,
      @Nullable Prefix destination,
      int table) {
    return new RulePlan(v4, priority, local, source, destination, 0, null, null, null, table);
  }

  private void tunnelled() {
    tunnelled(REMOTE_PODS, remotePods);
    tunnelled(REMOTE_NODES, remoteNodes);
    if (policy.strictEgress()) {
      for (Prefix range : Prefixes.disjoint(map.clusterCidrs())) {
        rules.add(RulePlan.to(CLUSTER, range, facts.table()));
      }
    }
  }

  private void tunnelled(int priority, List<Prefix> prefixes) {
    List<Prefix> ranges = few(prefixes);
    if (ranges.size() <= many) {
      ranges.forEach(range -> rules.add(RulePlan.to(priority, range, facts.table())));
      return;
    }
    int table = KernelPlan.rangesOf(facts.table());
    for (Prefix range : ranges) {
      routes.throughTunnel(table, range);
    }
    for (boolean v4 : new boolean[] {true, false}) {
      if (ranges.stream().anyMatch(range -> range.address().v4() == v4)) {
        rules.add(RulePlan.all(v4, priority, table));
      }
    }
  }

  private List<Prefix> few(List<Prefix> prefixes) {
    List<Prefix> disjoint = Prefixes.disjoint(prefixes);
    if (disjoint.size() <= many || !policy.strictEgress()) {
      return disjoint;
    }
    List<Prefix> wide = map.clusterCidrs();
    return disjoint.stream()
        .filter(prefix -> wide.stream().noneMatch(cidr -> cidr.contains(prefix)))
        .toList();
  }

  /**
   * The default routes that the rules lead to: into the device or, without the device, unreachable.
   */
  private void defaults() {
    for (boolean v4 : new boolean[] {true, false}) {
      if (uses(v4)) {
        routes.throughTunnel(
            facts.table(), new Prefix(v4 ? IpAddress.ofV4(0) : IpAddress.ofV6(0, 0), 0));
      }
    }
  }

  /**
   * Lets marks count in reverse-path filtering. Its strict form looks up a packet's way back, and
   * that of an arriving sealed packet would lead into the tunnel; the guard marks sealed packets so
   * that it does not.
   */
  private List<SysctlPlan> sysctls() {
    return facts.underlay().stream()
        .map(device -> new SysctlPlan("net/ipv4/conf/" + device + "/src_valid_mark", "1"))
        .toList();
  }

  private Guard guard() {
    List<GuardExemption> exemptions = new ArrayList<>();
    for (Exemption exemption : policy.exemptions()) {
      exemptions.add(
          new GuardExemption(
              exemption.name(),
              exemption.protocol(),
              exemption.ports(),
              exemption.servers().matches(node) ? node.addresses() : List.of(),
              remoteServers(exemption),
              exemption.joining()));
    }
    List<Prefix> cluster = new ArrayList<>(map.clusterCidrs());
    cluster.addAll(map.claims().keySet());
    return new Guard(
        facts.underlay(),
        facts.physical(),
        facts.podless(),
        facts.tunnel(),
        node.addresses().stream().map(Prefix::host).sorted().toList(),
        Stream.of(node.source(true), node.source(false)).filter(Objects::nonNull).toList(),
        Prefixes.disjoint(localPods),
        remoteNodes,
        clients,
        Prefixes.disjoint(remotePods),
        Prefixes.disjoint(cluster),
        foreign(Prefixes.disjoint(cluster)),
        facts.outer(),
        facts.bypass(),
        facts.overlay(),
        exemptions,
        policy.inClear(),
        policy.strictEgress(),
        policy.strictIngress(),
        facts.clampMss());
  }

  /**
   * The cluster's ranges without this node's own and without multicast, broadcast and link-local
   * ranges, which matter if the cluster's range is all addresses.
   */
  private List<Prefix> foreign(List<Prefix> cluster) {
    List<Prefix> others = new ArrayList<>(EVERYBODYS);
    node.addresses().forEach(address -> others.add(Prefix.host(address)));
    localPods.forEach(range -> others.addAll(withoutOthers(range)));
    return cluster.stream().flatMap(range -> Prefixes.subtract(range, others).stream()).toList();
  }
}
