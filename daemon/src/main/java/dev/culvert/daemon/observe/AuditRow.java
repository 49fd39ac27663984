// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.steer.GuardReading;
import dev.culvert.daemon.steer.GuardReading.Sum;
import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Packets between nodes of one class, by outcome.
 *
 * @param traffic such as {@code pod_node}, or {@code unclassified} for packets that belong to no
 *     class, or whose class is not known
 */
record AuditRow(String traffic, Sum encrypted, Sum exempt, Sum dropped, Sum clear) {
  /** All classes. */
  static List<AuditRow> of(Reading reading, GuardReading guard) {
    List<AuditRow> rows = new ArrayList<>();
    Map<TrafficClass, Volume> sealed = reading.status().traffic().encrypted();
    for (TrafficClass traffic : TrafficClass.values()) {
      Volume volume = sealed.getOrDefault(traffic, new Volume(0, 0));
      Optional<TrafficClass> kind = Optional.of(traffic);
      rows.add(
          new AuditRow(
              label(traffic),
              new Sum(volume.packets(), volume.bytes()),
              // Exemptions are for packets between nodes.
              traffic == TrafficClass.NODE_TO_NODE ? guard.exempt() : Sum.NONE,
              guard.of(kind, false),
              guard.of(kind, true)));
    }
    rows.add(
        new AuditRow(
            "unclassified",
            unclassified(reading),
            Sum.NONE,
            guard.of(Optional.empty(), false),
            guard.of(Optional.empty(), true)));
    return List.copyOf(rows);
  }

  /** Packets that were sealed by the peers' ranges alone, without a classifier. */
  private static Sum unclassified(Reading reading) {
    GatewayStatus status = reading.status();
    return reading.config().cluster().scope() == ClusterConfig.Scope.PEERS
        ? new Sum(status.count(LaneCounter.PACKETS_SENT), status.count(LaneCounter.BYTES_SENT))
        : Sum.NONE;
  }

  private static String label(TrafficClass traffic) {
    return (traffic.fromNode() ? "node" : "pod") + (traffic.toNode() ? "_node" : "_pod");
  }
}
