// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.steer.GuardReading;
import dev.culvert.daemon.steer.GuardReading.Sum;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import java.util.Map;
import java.util.Optional;

/** The guard, and the packets between nodes by outcome. */
final class GuardFamilies {
  /** The traffic of packets that belong to no class, or whose class is not known. */
  private static final String UNCLASSIFIED = "unclassified";

  private GuardFamilies() {}

  static void add(Reading reading, Families families) {
    GuardReading guard = reading.guard();
    if (guard == null) {
      return;
    }
    families.truth(Metric.GUARD_PRESENT, guard.present(), "ipv4");
    families.truth(Metric.GUARD_PRESENT, guard.present(), "ipv6");
    families.add(Metric.CLEAR_SEEN, guard.clear(true).packets(), "egress");
    families.add(Metric.CLEAR_SEEN, guard.clear(false).packets(), "ingress");
    guard
        .exemptions()
        .forEach((rule, sum) -> families.add(Metric.EXEMPTION_BYTES, sum.bytes(), rule));
    audit(guard, reading, families);
    Reading.Repairs repairs = reading.repairs();
    if (repairs != null) {
      families.add(Metric.RULES_REPAIRED, repairs.routing(), "routing");
      families.add(Metric.RULES_REPAIRED, repairs.nft(), "nft");
    }
  }

  private static void audit(GuardReading guard, Reading reading, Families families) {
    Map<TrafficClass, Volume> sealed = reading.status().traffic().encrypted();
    for (TrafficClass traffic : TrafficClass.values()) {
      Volume volume = sealed.getOrDefault(traffic, new Volume(0, 0));
      row(families, label(traffic), "encrypted", new Sum(volume.packets(), volume.bytes()));
      passed(guard, Optional.of(traffic), label(traffic), families);
      // Exemptions are for packets between nodes.
      row(
          families,
          label(traffic),
          "exempt",
          traffic == TrafficClass.NODE_TO_NODE
              ? guard.exemptions().values().stream().reduce(Sum.NONE, Sum::plus)
              : Sum.NONE);
    }
    row(families, UNCLASSIFIED, "encrypted", unclassified(reading));
    passed(guard, Optional.empty(), UNCLASSIFIED, families);
  }

  /** Packets that were sealed by the peers' ranges alone, without a classifier. */
  private static Sum unclassified(Reading reading) {
    GatewayStatus status = reading.status();
    return reading.config().cluster().scope() == ClusterConfig.Scope.PEERS
        ? new Sum(status.count(LaneCounter.PACKETS_SENT), status.count(LaneCounter.BYTES_SENT))
        : Sum.NONE;
  }

  private static void passed(
      GuardReading guard, Optional<TrafficClass> traffic, String label, Families families) {
    row(families, label, "dropped", guard.of(traffic, false));
    row(families, label, "clear", guard.of(traffic, true));
  }

  private static void row(Families families, String traffic, String outcome, Sum sum) {
    families.add(Metric.AUDIT_PACKETS, sum.packets(), traffic, outcome);
    families.add(Metric.AUDIT_BYTES, sum.bytes(), traffic, outcome);
  }

  private static String label(TrafficClass traffic) {
    return (traffic.fromNode() ? "node" : "pod") + (traffic.toNode() ? "_node" : "_pod");
  }
}
