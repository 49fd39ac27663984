// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.steer.FormerSettings;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.routing.plan.Guard;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Rules and guard without a gateway, for the time before the network is up. The rules lead into a
 * table that holds only the unreachable route, so packets for the cluster are dropped until {@code
 * culvert up} takes over. Neither keys nor names that resolve are needed.
 *
 * @param interfaceName of the gateway to come
 * @param ranges that stay blocked
 * @param missed why some of the nodes that the configuration names are not known
 * @param kept whether a guard stood already that may know more: it was left as it is, and blocks at
 *     least the ranges that it blocked before
 */
public record BootGuard(
    String interfaceName, List<String> ranges, List<String> missed, boolean kept) {
  public BootGuard {
    ranges = List.copyOf(ranges);
    missed = List.copyOf(missed);
  }

  /**
   * Loads the rules and the guard.
   *
   * @throws ConfigException if the file cannot be used; nothing was changed
   * @throws IOException if the guard could not be loaded, or if a gateway keeps it already
   */
  public static BootGuard load(Path file, Machine machine) throws ConfigException, IOException {
    List<String> missed = new ArrayList<>();
    ConfigFile source = ConfigFile.open(file);
    String name = source.parseAtBoot(file, reason -> {}).interfaceName();
    GatewayConfig config = atBoot(source, name, machine, missed::add);
    if (!config.routes()) {
      throw ConfigException.of(file, "spec.interface.routes is false: such a gateway has no guard");
    }
    Guarded.refuseRunning(machine, name);
    GatewayPlan plan = GatewayPlan.of(config, machine.network());
    List<String> ranges = foreign(plan);
    boolean kept = mayKnowLess(config, missed) && machine.network().guarded();
    if (ranges.isEmpty() && !kept) {
      missed.add("it names no range of the cluster and no other node");
      throw new IOException(file + ": there is nothing to guard: " + String.join("; ", missed));
    }
    FormerSettings former = Guarded.claim(machine, name, file, false);
    if (!kept) {
      former.remember(plan.kernel().sysctls(), machine.network());
      machine.network().load(plan.kernel());
    }
    return new BootGuard(name, ranges, missed, kept);
  }

  /**
   * Parses a file. If a node in it cannot be used and no guard stands, the guard is loaded with the
   * rest of the file, so that the other nodes do not stay unguarded.
   */
  static GatewayConfig parseOrGuard(ConfigFile source, Machine machine)
      throws ConfigException, IOException {
    try {
      return machine.read(source);
    } catch (ConfigException e) {
      try {
        if (!machine.network().guarded()) {
          load(source.path(), machine);
        }
      } catch (ConfigException | IOException inner) {
        e.addSuppressed(inner);
      }
      throw e;
    }
  }

  private static GatewayConfig atBoot(
      ConfigFile source, String name, Machine machine, Consumer<String> missed)
      throws ConfigException {
    GatewayConfig config = source.parseAtBoot(machine.rememberedNodes(name), missed);
    if (!(config.discovery() instanceof KubernetesConfig)) {
      return config;
    }
    GatewayConfig known = machine.read(source);
    if (known.peerCount() == 0) {
      missed.accept("no nodes of the Kubernetes API are remembered");
    }
    return known;
  }

  /**
   * Whether this configuration, which lacks the nodes of the file of {@code discovery}, may know
   * less than a guard that was loaded with them.
   */
  private static boolean mayKnowLess(GatewayConfig config, List<String> missed) {
    return !missed.isEmpty()
        && (config.discovery() instanceof KubernetesConfig
            || config.cluster().map().nodes().size() == 1);
  }

  /** The ranges of the cluster except those of this node. */
  private static List<String> foreign(GatewayPlan plan) {
    Guard guard = plan.kernel().guard();
    return guard.cluster().stream()
        .filter(range -> !guard.localNode().contains(range) && !guard.localPods().contains(range))
        .map(Object::toString)
        .toList();
  }
}
