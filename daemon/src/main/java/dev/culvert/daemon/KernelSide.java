// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.DiscoveryConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.daemon.observe.Reading;
import dev.culvert.daemon.steer.Audit;
import dev.culvert.daemon.steer.BlindSpotWatch;
import dev.culvert.daemon.steer.FormerSettings;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.daemon.steer.Planner;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.gateway.RunningTunnel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The part of a gateway that is in the kernel: routes, rules and guard, or without {@code
 * spec.interface.routes} only its link's MTU and addresses.
 */
final class KernelSide implements AutoCloseable {
  private final Machine machine;
  private final BlindSpotWatch blindSpots;

  /** Null if the configuration has no routes. */
  private final @Nullable Planner planner;

  private KernelSide(Machine machine, BlindSpotWatch blindSpots, @Nullable Planner planner) {
    this.machine = machine;
    this.blindSpots = blindSpots;
    this.planner = planner;
  }

  /**
   * Guards and steers before there is a device, or in place of another process.
   *
   * @param file the configuration file
   * @param port of the device that another process runs, whose packets go on passing; 0 if there is
   *     none
   * @param continued whether the interface is there already, since this process continues it
   * @param ended told when the plan is no longer kept
   */
  static KernelSide start(
      GatewayConfig config,
      Path file,
      Machine machine,
      int port,
      boolean continued,
      Consumer<Throwable> ended)
      throws IOException {
    BlindSpotWatch blindSpots = new BlindSpotWatch(machine.network());
    if (!config.routes()) {
      return new KernelSide(machine, blindSpots, null);
    }
    GatewayPlan plan = GatewayPlan.of(config, machine.network(), port);
    blindSpots.require(config.cluster().policy(), plan.underlay());
    FormerSettings former = Guarded.claim(machine, config.interfaceName(), file, continued);
    Planner planner = Planner.start(config, plan, machine.network(), former, blindSpots, ended);
    KernelSide side = new KernelSide(machine, blindSpots, planner);
    side.rememberNodes(config);
    return side;
  }

  private void rememberNodes(GatewayConfig config) {
    if (config.discovery() instanceof DiscoveryConfig.InFile(Path nodes) && planner != null) {
      RememberedNodes.keep(nodes, machine.rememberedNodes(config.interfaceName()));
    }
  }

  /**
   * The MTU to create the link with: a later change of the MTU would be visible to other programs.
   */
  int mtu(GatewayConfig config) {
    return planner == null ? config.mtu() : planner.plan().mtu();
  }

  /**
   * Leads traffic into the tunnel, which is open now, and which judges packets by {@link
   * #classify}.
   */
  void lead(GatewayConfig config, RunningTunnel tunnel) throws IOException {
    if (planner == null) {
      configureLink(config, List.of());
      return;
    }
    planner.apply(config, tunnel.listenPort());
    // The guard lets the tunnel's packets pass from here on.
    tunnel.greet();
  }

  /**
   * Gives the lanes a classifier if the configuration names nodes; otherwise they judge by the
   * peers' ranges alone.
   */
  void classify(GatewayConfig config, RunningTunnel tunnel) throws IOException {
    if (planner != null && namesNodes(config)) {
      tunnel.useClassifier(planner.plan().classifier(), config.marks().bypass());
    }
  }

  /** Whether {@link #classify} gives the lanes a classifier. */
  static boolean classifies(GatewayConfig config) {
    return config.routes() && namesNodes(config);
  }

  private static boolean namesNodes(GatewayConfig config) {
    return config.cluster().scope() != ClusterConfig.Scope.PEERS;
  }

  /** Refuses a configuration that the guard could not keep on this machine. */
  void check(GatewayConfig wanted) throws IOException {
    if (planner != null) {
      blindSpots.require(wanted.cluster().policy(), planner.planned(wanted).underlay());
    }
  }

  /** Steers and guards by {@code wanted}, before {@code wanted} is applied to the tunnel. */
  void steer(GatewayConfig wanted, RunningTunnel tunnel) throws IOException {
    if (planner != null) {
      planner.apply(wanted, tunnel.listenPort());
      classify(wanted, tunnel);
    }
  }

  /**
   * Follows the tunnel, which runs by {@code now} from here on.
   *
   * @param portBefore the port that the tunnel had before
   */
  void follow(GatewayConfig before, GatewayConfig now, RunningTunnel tunnel, int portBefore)
      throws IOException {
    if (planner == null) {
      List<InterfaceAddress> gone = new ArrayList<>(before.addresses());
      gone.removeAll(Set.copyOf(now.addresses()));
      configureLink(now, gone);
    } else {
      if (tunnel.listenPort() != portBefore) {
        planner.apply(now, tunnel.listenPort());
      }
      tunnel.greet();
    }
    rememberNodes(now);
  }

  private void configureLink(GatewayConfig config, Collection<InterfaceAddress> gone)
      throws IOException {
    machine.network().configureLink(config.interfaceName(), config.mtu(), config.addresses(), gone);
  }

  /**
   * Takes the addresses that the names of peers stand for from now on; returns when they are
   * guarded.
   */
  void peersAt(Set<IpAddress> addresses) throws IOException {
    if (planner != null) {
      planner.peersAt(addresses);
    }
  }

  /** The plan in force. */
  GatewayPlan plan(GatewayConfig config) throws IOException {
    if (planner == null) {
      throw new IOException(
          config.interfaceName() + " steers nothing: spec.interface.routes is false");
    }
    return planner.plan();
  }

  /** Entries of the kernel that were repaired; null without routes. */
  Reading.@Nullable Repairs repairs() {
    return planner == null
        ? null
        : new Reading.Repairs(planner.routingRepairs(), planner.guardRepairs());
  }

  /** The counts of the packets so far, by outcome. */
  AuditView audit(GatewayConfig config, GatewayStatus status) throws IOException {
    return planner == null
        ? Audit.of(config, GatewayPlan.of(config, machine.network()), machine.network(), status)
        : planner.audit(status);
  }

  /** Ends repairs; guard and rules stay. */
  @Override
  public void close() {
    if (planner != null) {
      planner.close();
    }
  }
}
