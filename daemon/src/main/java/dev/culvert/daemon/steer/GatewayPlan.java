// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.admin.RoutesView;
import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.AddressPlan;
import dev.culvert.routing.plan.Explanation;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.LinkFacts;
import dev.culvert.routing.plan.OuterHeaders;
import dev.culvert.routing.plan.Overlay;
import dev.culvert.routing.plan.PlanCompiler;
import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.esp.EspOverhead;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.wireguard.WireGuardOverhead;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The kernel plan of a configuration for this machine in its present state.
 *
 * @param cluster with this node's own addresses and pods, even if the file does not name them
 * @param kernel the state that the kernel should hold
 */
public record GatewayPlan(ClusterConfig cluster, KernelPlan kernel) {
  /**
   * The table of the tunnel's routes. It differs from those of wg-quick (51820) and Cilium (200x).
   */
  private static final int TABLE = 25_462;

  /** Addresses for documentation, which no host has: the route to them is the default route. */
  private static final List<IpAddress> ELSEWHERE =
      List.of(IpAddress.parse("198.51.100.1"), IpAddress.parse("2001:db8:ffff:ffff::1"));

  /** The port before the device has one. Any port will do, since no packet is carried yet. */
  private static final int ANY_PORT = 51_820;

  /**
   * The facts that a gateway knows while it runs, beside its configuration.
   *
   * @param port that the device has bound, 0: none yet
   * @param underlay devices that were guarded before: they stay so while this gateway runs
   * @param mtu of the tunnel, kept while there is no route to any node; 0: none yet
   * @param peers addresses that the names of peers stand for
   */
  record Known(int port, Collection<String> underlay, int mtu, Set<IpAddress> peers) {
    static final Known NOTHING = new Known(0, List.of(), 0, Set.of());
  }

  /**
   * Asks this machine for its facts, and makes the plan.
   *
   * @throws IOException if the kernel cannot be asked, or the configuration does not fit it
   */
  static GatewayPlan of(GatewayConfig config, Network network, Known known) throws IOException {
    Set<IpAddress> nodes = new LinkedHashSet<>(ELSEWHERE);
    config.endpoints().forEach(endpoint -> addNumeric(nodes, endpoint.host()));
    ClusterConfig cluster = config.cluster();
    List<Prefix> localPods = cluster.map().node(cluster.self()).podCidrs();
    Stream<IpAddress> ofNodes =
        cluster.map().nodes().stream()
            .filter(node -> !node.name().equals(cluster.self()))
            .flatMap(node -> node.addresses().stream());
    Stream.concat(ofNodes, known.peers().stream())
        // The kernel looks for such an address among the pods, and the pods' device is no underlay.
        .filter(address -> localPods.stream().noneMatch(pods -> pods.contains(address)))
        .forEach(nodes::add);
    HostFacts facts = network.facts(nodes, config.interfaceName(), config.socketMark());
    try {
      return of(config, facts, known);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static void addNumeric(Collection<IpAddress> nodes, String host) {
    try {
      nodes.add(IpAddress.parse(host));
    } catch (IllegalArgumentException e) {
      return; // Names are followed elsewhere; other nodes stand for an address with a scope.
    }
  }

  static GatewayPlan of(GatewayConfig config, HostFacts facts, Known known) {
    Set<String> underlay = new TreeSet<>(known.underlay());
    underlay.addAll(facts.underlay().keySet());
    underlay.remove("lo");
    ClusterConfig cluster =
        config.cluster().scope().lacksSelf()
            ? config.cluster().with(withHost(config, facts, underlay))
            : config.cluster();
    LinkFacts link =
        new LinkFacts(
            config.interfaceName(),
            mtu(config, facts, known.mtu()),
            TABLE,
            List.copyOf(underlay),
            physical(config, facts),
            // In a file of peers, the ranges of pods may be a network behind any device.
            cluster.scope() == ClusterConfig.Scope.NODES ? physical(config, facts) : List.of(),
            new OuterHeaders(
                config.marks().encapsulation(),
                encapsulationPort(config, known.port()),
                isRaw(config.engine())),
            config.marks().bypass(),
            new Overlay(
                config.marks().overlay(),
                List.copyOf(facts.overlayPorts()),
                cluster.policy().accepted().contains(BlindSpot.MULTICAST_OVERLAY)),
            true);
    KernelPlan plan = PlanCompiler.compile(cluster.map(), cluster.policy(), cluster.self(), link);
    List<AddressPlan> addresses =
        config.addresses().stream()
            .map(a -> new AddressPlan(config.interfaceName(), a.address(), a.length()))
            .toList();
    return new GatewayPlan(
        cluster,
        new KernelPlan(
            plan.table(),
            plan.links(),
            addresses,
            plan.routes(),
            plan.rules(),
            plan.sysctls(),
            plan.guard()));
  }

  private static List<String> physical(GatewayConfig config, HostFacts facts) {
    return facts.physical().stream().filter(d -> !d.equals(config.interfaceName())).toList();
  }

  private static int encapsulationPort(GatewayConfig config, int port) {
    if (port != 0) {
      return port;
    }
    return config.listenPort() == 0 ? ANY_PORT : config.listenPort();
  }

  /**
   * The tunnel's MTU. Unless the configuration sets it, packets of this size, with the headers
   * around them, fit the smallest link.
   */
  private static int mtu(GatewayConfig config, HostFacts facts, int mtuBefore) {
    if (config.mtu() != 0) {
      return config.mtu();
    }
    if (facts.underlay().isEmpty() && mtuBefore != 0) {
      return mtuBefore;
    }
    boolean outerV4 = isOuterV4(config);
    return facts.underlay().values().stream()
        .mapToInt(mtu -> Math.max(TunnelMtu.SMALLEST, within(config.engine(), mtu, outerV4)))
        .min()
        .orElseGet(() -> within(config.engine(), TunnelMtu.USUAL_LINK, outerV4));
  }

  /**
   * Whether all peers are known to be reached by IPv4; the address of a name may be of either
   * family.
   */
  private static boolean isOuterV4(GatewayConfig config) {
    List<IpAddress> addresses = new ArrayList<>();
    config.endpoints().forEach(endpoint -> addNumeric(addresses, endpoint.host()));
    return addresses.size() == config.peerCount() && addresses.stream().allMatch(IpAddress::v4);
  }

  private static boolean isRaw(EngineConfig engine) {
    return engine instanceof EspConfig esp && esp.encapsulation() == Encapsulation.RAW;
  }

  private static int within(EngineConfig engine, int linkMtu, boolean outerV4) {
    Overhead overhead =
        switch (engine) {
          case EngineConfig.WireGuard wireGuard -> WireGuardOverhead.INSTANCE;
          case EspConfig esp -> EspOverhead.INSTANCE;
        };
    return overhead.longestInner(TunnelMtu.room(linkMtu, outerV4, !isRaw(engine)));
  }

  /**
   * Adds the kernel's facts to this node: the addresses that it reaches other nodes from, and the
   * ranges on its other devices as its pods.
   */
  private static ClusterMap withHost(GatewayConfig config, HostFacts facts, Set<String> underlay) {
    ClusterConfig cluster = config.cluster();
    ClusterMap map = cluster.map();
    ClusterNode self = map.node(cluster.self());
    Set<IpAddress> addresses = new LinkedHashSet<>(self.internal());
    new TreeSet<>(facts.sources().values())
        .stream()
            .filter(address -> !map.claims().containsKey(Prefix.host(address)))
            .filter(address -> !address.isLinkLocalV6())
            .forEach(addresses::add);
    Set<Prefix> pods = new LinkedHashSet<>(self.podCidrs());
    facts
        .subnets()
        .forEach(
            (device, subnets) -> {
              if (!underlay.contains(device) && !device.equals(config.interfaceName())) {
                subnets.stream().filter(subnet -> isInside(map, subnet)).forEach(pods::add);
              }
            });
    pods.removeIf(range -> map.claims().containsKey(range) && !self.podCidrs().contains(range));
    return map.with(
        new ClusterNode(
            self.name(),
            self.roles(),
            self.labels(),
            new ArrayList<>(addresses),
            self.external(),
            new ArrayList<>(pods),
            null));
  }

  private static boolean isInside(ClusterMap map, Prefix subnet) {
    return map.clusterCidrs().stream().anyMatch(cidr -> cidr.contains(subnet))
        || map.claims().keySet().stream().anyMatch(range -> range.contains(subnet));
  }

  /** Devices that the default route leads through. */
  public static Set<String> defaultUnderlay(Network network) throws IOException {
    return network.facts(ELSEWHERE, GatewayConfig.DEFAULT_INTERFACE, 0).underlay().keySet();
  }

  /** The plan of a configuration that no gateway runs. */
  public static GatewayPlan of(GatewayConfig config, Network network) throws IOException {
    return of(config, network, Known.NOTHING);
  }

  /**
   * The plan of a configuration for a device that may be there already.
   *
   * @param port that the device has bound; 0: there is none yet
   */
  public static GatewayPlan of(GatewayConfig config, Network network, int port) throws IOException {
    return of(config, network, new Known(port, List.of(), 0, Set.of()));
  }

  /**
   * The plan for people.
   *
   * @param ends empty, or a source and a destination, see {@link PacketQuery}
   * @throws IOException if {@code ends} are neither
   */
  public RoutesView routes(List<String> ends) throws IOException {
    Explanation explanation =
        ends.isEmpty()
            ? null
            : Explanation.of(
                cluster.map(), classifier(), kernel, cluster.self(), PacketQuery.parse(ends));
    return RoutesView.of(cluster.self(), kernel, explanation);
  }

  /** The classifier of this node. */
  public Classifier classifier() {
    return Classifier.of(cluster.map(), cluster.policy(), cluster.self());
  }

  /**
   * Whether the cluster has IPv6 and the tunnel's MTU is so small that the kernel takes IPv6 off
   * it.
   */
  boolean losesIpv6() {
    return mtu() < TunnelMtu.SMALLEST_FOR_IPV6
        && kernel.routes().stream().anyMatch(route -> !route.destination().address().v4());
  }

  /** The tunnel's MTU. */
  public int mtu() {
    return kernel.links().getFirst().mtu();
  }

  /** Devices that the guard watches. */
  public List<String> underlay() {
    return kernel.guard().underlay();
  }
}
