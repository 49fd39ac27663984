package dev.culvert.routing.plan;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterMap.Claim;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Policy;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.Prefixes;
import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Works out what the kernel of one node should hold: the ladder of rules, the tunnel's table and
 * the guard, from the same map and policy as the classifier. Good for one plan.
 *
 * <p>The kernel asks rules by priority and not by the longest prefix, so ranges that others' lie in
 * are cut up around those.
 */
public final class PlanCompiler {
  /** Who has our marks goes out as it is. */
  public static final int MARKED = 100;

  public static final int LOCAL_PODS = 150;
  public static final int EXEMPT = 200;

  /** Classes that the policy leaves in clear. */
  public static final int IN_CLEAR = 205;

  public static final int REMOTE_PODS = 210;
  public static final int REMOTE_NODES = 220;
  public static final int CLUSTER = 230;

  /** The kernel's main table. */
  public static final int MAIN = 254;

  /**
   * The kernel walks its rules one by one. Where there would be more than this for one line of the
   * ladder, those that the cluster's range covers are left to its rule, which says the same.
   */
  static final int MANY = 256;

  private final ClusterMap map;
  private final Policy policy;
  private final int self;
  private final ClusterNode node;
  private final LinkFacts facts;
  private final List<Prefix> localPods;
  private final List<Prefix> remotePods;
  private final List<Prefix> remoteNodes;
  private final List<RulePlan> rules = new ArrayList<>();

  private PlanCompiler(ClusterMap map, Policy policy, String self, LinkFacts facts) {
    this.map = map;
    this.policy = policy;
    this.self = map.indexOf(self);
    this.node = map.node(self);
    this.facts = facts;
    localPods = claimed(claim -> claim.node() == this.self && !claim.address());
    remotePods = claimed(claim -> claim.node() != this.self && !claim.address());
    remoteNodes = claimed(claim -> claim.node() != this.self && claim.address());
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
   * @throws IllegalArgumentException where the map has no such node, or the MTU is too small for
   *     the IPv6 that the cluster uses
   */
  public static KernelPlan compile(ClusterMap map, Policy policy, String self, LinkFacts facts) {
    return new PlanCompiler(map, policy, self, facts).plan();
  }

  private KernelPlan plan() {
    if (uses(false) && facts.mtu() < TunnelMtu.SMALLEST_FOR_IPV6) {
      throw new IllegalArgumentException(
          "MTU "
              + facts.mtu()
              + " of "
              + facts.tunnel()
              + " is too small for IPv6, which needs "
              + TunnelMtu.SMALLEST_FOR_IPV6);
    }
    marked();
    localPods();
    exempt();
    inClear();
    tunnelled();
    rules.sort(Comparator.comparingInt(RulePlan::priority));
    return new KernelPlan(
        facts.table(),
        List.of(new LinkPlan(facts.tunnel(), facts.mtu())),
        List.of(),
        routes(),
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
      rules.add(RulePlan.marked(v4, MARKED, facts.encapsulation().mark(), MAIN));
      rules.add(RulePlan.marked(v4, MARKED, facts.bypass(), MAIN));
    }
  }

  private void localPods() {
    for (Prefix range : localPods) {
      withoutOthers(range).forEach(part -> rules.add(RulePlan.to(LOCAL_PODS, part, MAIN)));
    }
  }

  /** What is left of a pod range without the longer prefixes that somebody else has in it. */
  private List<Prefix> withoutOthers(Prefix range) {
    List<Prefix> longer =
        Stream.concat(map.claims().keySet().stream(), map.clusterCidrs().stream())
            .filter(prefix -> prefix.length() > range.length() && range.contains(prefix))
            .toList();
    return Prefixes.subtract(range, longer);
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
          rules.add(exempt(exemption, null, Prefix.host(server), null, ports));
        }
      }
    }
  }

  /** Only to nodes: a pod that asks through the tunnel is answered through the tunnel. */
  private void replies(Exemption exemption, PortRange ports, IpAddress own) {
    for (Prefix client : remoteNodes) {
      if (client.address().v4() == own.v4()) {
        rules.add(exempt(exemption, Prefix.host(own), client, ports, null));
      }
    }
  }

  private static RulePlan exempt(
      Exemption exemption,
      @Nullable Prefix source,
      Prefix destination,
      @Nullable PortRange sourcePorts,
      @Nullable PortRange destinationPorts) {
    return new RulePlan(
        destination.address().v4(),
        EXEMPT,
        true,
        source,
        destination,
        exemption.protocol(),
        sourcePorts,
        destinationPorts,
        null,
        MAIN);
  }

  private List<IpAddress> remoteServers(Exemption exemption) {
    return map.nodes().stream()
        .filter(other -> !other.equals(node) && exemption.servers().matches(other))
        .flatMap(other -> other.addresses().stream())
        .toList();
  }

  private void inClear() {
    for (TrafficClass traffic : policy.inClear()) {
      List<Prefix> destinations =
          traffic.toNode()
              ? remoteNodes
              : remotePods.stream().flatMap(range -> withoutOthers(range).stream()).toList();
      for (Prefix destination : destinations) {
        if (traffic.fromNode()) {
          rules.add(inClear(true, null, destination));
          continue;
        }
        localPods.stream()
            .filter(range -> range.address().v4() == destination.address().v4())
            .flatMap(range -> withoutOthers(range).stream())
            .forEach(source -> rules.add(inClear(false, source, destination)));
      }
    }
  }

  private static RulePlan inClear(boolean local, @Nullable Prefix source, Prefix destination) {
    boolean v4 = destination.address().v4();
    return new RulePlan(v4, IN_CLEAR, local, source, destination, 0, null, null, null, MAIN);
  }

  private void tunnelled() {
    for (Prefix range : few(remotePods)) {
      rules.add(RulePlan.to(REMOTE_PODS, range, facts.table()));
    }
    for (Prefix address : few(remoteNodes)) {
      rules.add(RulePlan.to(REMOTE_NODES, address, facts.table()));
    }
    if (policy.strictEgress()) {
      for (Prefix range : Prefixes.disjoint(map.clusterCidrs())) {
        rules.add(RulePlan.to(CLUSTER, range, facts.table()));
      }
    }
  }

  private List<Prefix> few(List<Prefix> prefixes) {
    List<Prefix> disjoint = Prefixes.disjoint(prefixes);
    if (disjoint.size() <= MANY || !policy.strictEgress()) {
      return disjoint;
    }
    List<Prefix> wide = map.clusterCidrs();
    return disjoint.stream()
        .filter(prefix -> wide.stream().noneMatch(cidr -> cidr.contains(prefix)))
        .toList();
  }

  /** Where the rules steer: into the device, and without it nowhere. */
  private List<RoutePlan> routes() {
    List<RoutePlan> routes = new ArrayList<>();
    for (boolean v4 : new boolean[] {true, false}) {
      if (uses(v4)) {
        Prefix all = new Prefix(v4 ? IpAddress.ofV4(0) : IpAddress.ofV6(0, 0), 0);
        IpAddress source = node.source(v4);
        routes.add(new RoutePlan(facts.table(), all, facts.tunnel(), source, 1, facts.mtu()));
        routes.add(RoutePlan.unreachable(facts.table(), all));
      }
    }
    return routes;
  }

  /**
   * Strict reverse-path filtering asks for the way back of a packet. That of arriving encapsulation
   * would lead into the tunnel; the guard marks it, and this lets the mark count.
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
              remoteServers(exemption)));
    }
    List<Prefix> cluster = new ArrayList<>(map.clusterCidrs());
    cluster.addAll(map.claims().keySet());
    return new Guard(
        facts.underlay(),
        facts.tunnel(),
        node.addresses().stream().map(Prefix::host).sorted().toList(),
        Prefixes.disjoint(localPods),
        remoteNodes,
        Prefixes.disjoint(remotePods),
        Prefixes.disjoint(cluster),
        facts.encapsulation(),
        facts.bypass(),
        exemptions,
        policy.inClear(),
        policy.strictEgress(),
        policy.strictIngress(),
        facts.clampMss());
  }
}
