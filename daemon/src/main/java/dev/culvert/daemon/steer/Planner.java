// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.kernel.Keeper;
import java.io.IOException;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Plans the kernel state of one gateway: from its configuration and from the facts of this machine,
 * and anew when one of them changes. It hands each plan to a {@link Keeper}, which applies it and
 * repairs the changes of other programs. Closing leaves the kernel state in place.
 */
public final class Planner implements AutoCloseable {
  private static final EventLog log = EventLog.of(Planner.class);

  /** The key for messages about links and addresses, which other programs may change often. */
  private static final String MACHINE = "machine";

  private final Network network;
  private final FormerSettings former;
  private final Network.KeptPlan kept;
  private final Set<IpAddress> nodesEver = new HashSet<>();
  private final BlindSpotWatch blindSpots;
  private final LongAdder routingRepairs = new LongAdder();
  private final LongAdder guardRepairs = new LongAdder();
  private GatewayConfig config;
  private GatewayPlan plan;
  private int port;
  private Set<IpAddress> peers = Set.of();
  private boolean closed;

  /** Whether an update failed, so that the kernel may hold that plan, or get it yet. */
  private boolean doubtful;

  private Planner(
      GatewayConfig config,
      GatewayPlan plan,
      Network network,
      FormerSettings former,
      BlindSpotWatch blindSpots,
      Consumer<Throwable> ended)
      throws IOException {
    this.config = config;
    this.network = network;
    this.former = former;
    this.blindSpots = blindSpots;
    this.plan = plan;
    checkIpv6Fits(config, plan);
    former.remember(plan.kernel().sysctls(), network);
    kept =
        network.keep(
            plan.kernel(),
            new Keeper.Listener() {
              @Override
              public void hostChanged() {
                replanSoon();
                lookForBlindSpots();
              }

              @Override
              public void repaired(List<String> changes, int ofGuard) {
                routingRepairs.add(changes.size() - ofGuard);
                guardRepairs.add(ofGuard);
              }

              @Override
              public void ended(Throwable cause) {
                ended.accept(cause);
              }
            });
  }

  /**
   * Applies the plan, its guard first; from here on no packet of the cluster leaves in clear.
   *
   * @param plan of {@code config}
   * @param former the notes of the kernel's settings before they change
   * @param blindSpots looked for again when the machine changes
   * @param ended told when the plan is no longer kept, though this was not closed
   * @throws IOException if the guard could not be loaded
   */
  public static Planner start(
      GatewayConfig config,
      GatewayPlan plan,
      Network network,
      FormerSettings former,
      BlindSpotWatch blindSpots,
      Consumer<Throwable> ended)
      throws IOException {
    return new Planner(config, plan, network, former, blindSpots, ended);
  }

  /**
   * Refuses a plan without room for IPv6; but a node of the Kubernetes API must not keep the others
   * from changing, so its IPv6 packets are dropped then.
   */
  private static void checkIpv6Fits(GatewayConfig config, GatewayPlan plan) throws IOException {
    if (!plan.losesIpv6()) {
      return;
    }
    if (!(config.discovery() instanceof KubernetesConfig)) {
      throw new IOException(ipv6Lost(plan));
    }
    log.per(MACHINE)
        .warn(
            LogEvent.IPV6_DROPPED,
            "IPv6 packets of the cluster are dropped: {}",
            Field.reason(ipv6Lost(plan)));
  }

  private static String ipv6Lost(GatewayPlan plan) {
    return "the tunnel's MTU of "
        + plan.mtu()
        + " is too small for IPv6, which the cluster has and which needs "
        + TunnelMtu.SMALLEST_FOR_IPV6;
  }

  public synchronized GatewayPlan plan() {
    return plan;
  }

  /** Entries of routing that were repaired after another program had changed them. */
  public long routingRepairs() {
    return routingRepairs.sum();
  }

  /** The same for the guard. */
  public long guardRepairs() {
    return guardRepairs.sum();
  }

  /**
   * The audit of the packets that the guard counted, by the configuration that it was loaded from.
   *
   * @throws IOException if the guard is missing: packets may have left uncounted
   */
  public synchronized AuditView audit(GatewayStatus status) throws IOException {
    AuditView audit = Audit.of(config, plan, network, status);
    if (!audit.guarded()) {
      throw new IOException(
          "the guard of "
              + config.interfaceName()
              + " is missing, so packets may have left in clear uncounted; the gateway loads it"
              + " again when nft works: see its log, then ask again");
    }
    return audit;
  }

  /** The plan that {@code wanted} would lead to, before the device has a port for it. */
  public synchronized GatewayPlan planned(GatewayConfig wanted) throws IOException {
    return planned(wanted, 0, plan.underlay());
  }

  private GatewayPlan planned(GatewayConfig wanted, int boundPort, Collection<String> underlay)
      throws IOException {
    return GatewayPlan.of(
        wanted, network, new GatewayPlan.Known(boundPort, underlay, plan.mtu(), peers));
  }

  private void lookForBlindSpots() {
    blindSpots.lookSoon(() -> plan().underlay());
  }

  /**
   * Takes the addresses that the names of peers stand for from now on. Returns when the devices
   * that lead there are guarded.
   *
   * @throws IOException if they could not be guarded: the devices that were guarded before still
   *     are
   */
  public synchronized void peersAt(Set<IpAddress> addresses) throws IOException {
    if (closed || addresses.equals(peers)) {
      return;
    }
    Set<IpAddress> before = peers;
    peers = Set.copyOf(addresses);
    List<String> underlayBefore = plan.underlay();
    try {
      planAnew("the names of peers have other addresses");
    } catch (IOException | RuntimeException e) {
      peers = before;
      throw e;
    }
    if (!plan.underlay().equals(underlayBefore)) {
      lookForBlindSpots();
    }
  }

  /**
   * Applies a configuration.
   *
   * @param boundPort of the device, 0: none yet
   * @throws IOException if it cannot be applied: the kernel's state stays as it was
   */
  public synchronized GatewayPlan apply(GatewayConfig wanted, int boundPort) throws IOException {
    GatewayPlan next = planned(wanted, boundPort, stillUnderlay(wanted));
    if (next.mtu() != plan.mtu()) {
      checkIpv6Fits(wanted, next);
    }
    update(next);
    config = wanted;
    port = boundPort;
    return next;
  }

  /**
   * Keeps guarding every device that is guarded now, except one that has become a pod's: a pod can
   * inherit the address of a node that left, and its veth then looked like a way to that node.
   */
  private Set<String> stillUnderlay(GatewayConfig wanted) throws IOException {
    nodesEver.addAll(otherNodes(config));
    Set<IpAddress> inherited = new TreeSet<>(nodesEver);
    inherited.removeAll(otherNodes(wanted));
    ClusterConfig cluster = wanted.cluster();
    List<Prefix> pods = cluster.map().node(cluster.self()).podCidrs();
    inherited.removeIf(address -> pods.stream().noneMatch(range -> range.contains(address)));
    Set<String> underlay = new TreeSet<>(plan.underlay());
    if (!inherited.isEmpty()) {
      underlay.removeAll(
          network
              .facts(inherited, wanted.interfaceName(), wanted.socketMark())
              .underlay()
              .keySet());
    }
    return underlay;
  }

  private static Set<IpAddress> otherNodes(GatewayConfig config) {
    ClusterConfig cluster = config.cluster();
    return cluster.map().nodes().stream()
        .filter(node -> !node.name().equals(cluster.self()))
        .flatMap(node -> node.addresses().stream())
        .collect(Collectors.toSet());
  }

  private void update(GatewayPlan next) throws IOException {
    former.remember(next.kernel().sysctls(), network);
    doubtful = true;
    kept.update(next.kernel());
    doubtful = false;
    plan = next;
  }

  /**
   * Runs on a thread of its own, since the calling thread must go on for {@link #apply} to return.
   */
  private void replanSoon() {
    Thread.ofVirtual().name("replan").start(this::replan);
  }

  private synchronized void replan() {
    if (closed) {
      return;
    }
    try {
      planAnew("this machine's links or addresses changed");
    } catch (IOException | RuntimeException e) {
      log.per(MACHINE)
          .error(
              LogEvent.PLAN_FAILED,
              "this machine changed and the plan did not follow: {}",
              Field.reason(e.getMessage()));
    }
  }

  private void planAnew(String cause) throws IOException {
    GatewayPlan next = planned(config, port, plan.underlay());
    if (!doubtful && next.equals(plan)) {
      return;
    }
    int mtuBefore = plan.mtu();
    update(next);
    log.per(MACHINE).info(LogEvent.PLAN_CHANGED, "{}: steered and guarded anew", cause);
    if (next.mtu() != mtuBefore) {
      log.per(MACHINE)
          .info(LogEvent.MTU_CHANGED, "the tunnel's MTU was {} and is {}", mtuBefore, next.mtu());
    }
    if (next.losesIpv6()) {
      // Packets that can no longer be encrypted meet the unreachable route and the guard.
      log.per(MACHINE)
          .warn(LogEvent.IPV6_DROPPED, "IPv6 goes no more: {}", Field.reason(ipv6Lost(next)));
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    kept.close();
  }
}
