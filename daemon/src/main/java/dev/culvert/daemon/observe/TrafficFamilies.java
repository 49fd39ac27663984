// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.lane.LaneCounter;

/** Packets through the tunnel, and packets that the gateway dropped. */
final class TrafficFamilies {
  private static final String OUT = "out";
  private static final String IN = "in";
  private static final String INNER = "inner";

  private TrafficFamilies() {}

  static void add(Reading reading, Families families) {
    GatewayStatus status = reading.status();
    long sent = status.count(LaneCounter.PACKETS_SENT);
    long delivered = status.count(LaneCounter.PACKETS_DELIVERED);
    families.add(Metric.PACKETS, sent, OUT, INNER);
    families.add(Metric.PACKETS, delivered, IN, INNER);
    families.add(Metric.BYTES, status.count(LaneCounter.BYTES_SENT), OUT, INNER);
    families.add(Metric.BYTES, status.count(LaneCounter.BYTES_DELIVERED), IN, INNER);
    EngineReading engine = reading.engine();
    if (engine != null) {
      families.add(Metric.BYTES, engine.txBytes(), OUT, "outer");
      families.add(Metric.BYTES, engine.rxBytes(), IN, "outer");
    }
    families.summary(
        Metric.TRAIN_PACKETS, status.count(LaneCounter.TRAINS_SENT), (double) sent, OUT);
    families.summary(
        Metric.TRAIN_PACKETS, status.count(LaneCounter.TRAINS_RECEIVED), (double) delivered, IN);
    for (DropReason reason : DropReason.values()) {
      families.add(
          Metric.DROPS,
          status.drops().getOrDefault(reason, 0L),
          reason.direction().label(),
          reason.label());
    }
  }
}
