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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
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

  /** Before {@link #EXEMPT}: replies that are for a pod, or for nobody. */
  static final int NOT_EXEMPT = 199;

  /**
   * The kernel walks its rules one by one. Where there would be more than this for one line of the
   * ladder, those that the cluster's range covers are left to its rule, which says the same, and
   * the others become routes of a table of their own, which the kernel does not walk.
   */
  static final int MANY = 256;

  private final ClusterMap map;
  private final Policy policy;
  private final int self;
  private final ClusterNode node;
  private final LinkFacts facts;
  private final int many;
  private final List<Prefix> localPods;
  private final List<Prefix> remotePods;
  private final List<Prefix> remoteNodes;
  private final List<RulePlan> rules = new ArrayList<>();

  /** Each once: several exemptions may ask for the same ones. */
  private final Set<RoutePlan> routes = new LinkedHashSet<>();

  private PlanCompiler(ClusterMap map, Policy policy, String self, LinkFacts facts, int many) {
    this.map = map;
    this.policy = policy;
    this.self = map.indexOf(self);
    this.node = map.node(self);
    this.facts = facts;
    this.many = many;
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
   * @throws IllegalArgumentException where the map has no such node
   */
  public static KernelPlan compile(ClusterMap map, Policy policy, String self, LinkFacts facts) {
    return compile(map, policy, self, facts, MANY);
  }

  /**
   * As above.
   *
   * @param many how many rules one line of the ladder may have
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
        List.copyOf(routes),
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

  /** Only to nodes: a pod that asks through the tunnel is answered through the tunnel. */
  private void replies(Exemption exemption, PortRange ports, IpAddress own) {
    List<Prefix> clients =
        remoteNodes.stream().filter(client -> client.address().v4() == own.v4()).toList();
    if (clients.size() <= many) {
      clients.forEach(client -> rules.add(reply(EXEMPT, exemption, ports, own, client, MAIN)));
    } else {
      int table = KernelPlan.clientsOf(facts.table());
      rules.add(reply(NOT_EXEMPT, exemption, ports, own, null, table));
      rules.add(reply(EXEMPT, exemption, ports, own, null, MAIN));
      allButNodes(table, own.v4());
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

  /**
   * Where this node's own packets go through the tunnel to what is no node; what lies in those
   * ranges and does not is left to the rules that follow.
   */
  private void allButNodes(int table, boolean v4) {
    boolean podsInClear = policy.inClear().contains(TrafficClass.NODE_TO_POD);
    List<Prefix> wide = new ArrayList<>(policy.strictEgress() ? map.clusterCidrs() : List.of());
    wide.removeIf(map.claims()::containsKey);
    List<Prefix> others = new ArrayList<>(remoteNodes);
    (podsInClear ? others : wide).addAll(remotePods);
    wide.removeIf(range -> range.address().v4() != v4);
    NavigableSet<Prefix> disjoint = new TreeSet<>(Prefixes.disjoint(wide));
    (podsInClear ? wide : disjoint).forEach(range -> throughTunnel(table, range));
    for (Prefix other : others) {
      Prefix range = disjoint.floor(other);
      if (range != null && range.contains(other)) {
        routes.add(RoutePlan.skip(table, other));
      }
    }
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
      throughTunnel(table, range);
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

  /** Where the rules steer: into the device, and without it nowhere. */
  private void defaults() {
    for (boolean v4 : new boolean[] {true, false}) {
      if (uses(v4)) {
        throughTunnel(facts.table(), new Prefix(v4 ? IpAddress.ofV4(0) : IpAddress.ofV6(0, 0), 0));
      }
    }
  }

  private void throughTunnel(int table, Prefix range) {
    IpAddress source = node.source(range.address().v4());
    routes.add(new RoutePlan(table, range, facts.tunnel(), source, 1, facts.mtu()));
    routes.add(RoutePlan.unreachable(table, range));
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
