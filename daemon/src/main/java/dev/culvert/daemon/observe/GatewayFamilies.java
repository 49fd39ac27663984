// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.port.Offload;

/** The gateway itself: its build, its threads, its configuration and the kernel's offloads. */
final class GatewayFamilies {
  private GatewayFamilies() {}

  static void add(Reading reading, Families families) {
    GatewayStatus status = reading.status();
    families.add(
        Metric.BUILD,
        1,
        reading.version(),
        Runtime.version().toString(),
        reading.config().engine() instanceof EngineConfig.WireGuard ? "wireguard" : "esp",
        status.cipher());
    families.truth(Metric.LIVE, Health.live(reading.lanes(), reading.engine() != null).good());
    families.truth(Metric.READY, Health.ready(reading).good());
    families.truth(Metric.RELOAD_SUCCESSFUL, reading.reload().successful());
    families.add(Metric.RELOAD_SUCCESS_TIME, reading.reload().acceptedAt());
    Reading.Handovers handovers = reading.handovers();
    families.add(Metric.HANDOVERS, handovers.ok(), "ok");
    families.add(Metric.HANDOVERS, handovers.fresh(), "fresh");
    families.add(Metric.HANDOVERS, handovers.failed(), "failed");
    if (!Double.isNaN(handovers.gapSeconds())) {
      families.add(Metric.HANDOVER_GAP, handovers.gapSeconds());
    }
    families.add(Metric.LOG_SUPPRESSED, reading.suppressedLines());
    families.add(Metric.MTU, status.mtu(), "inner");
    for (Offload offload : Offload.values()) {
      Offload.State state = status.offloads().getOrDefault(offload, Offload.State.NOT_GRANTED);
      families.truth(
          Metric.OFFLOAD, state == Offload.State.IN_USE, offload.label(), state.reason());
    }
    for (Reading.Lane lane : reading.lanes()) {
      String index = String.valueOf(lane.index());
      families.add(Metric.LANE_TICK, lane.silentSeconds(), index);
      if (!Double.isNaN(lane.busy())) {
        families.add(Metric.LANE_BUSY, lane.busy(), index);
      }
    }
  }
}
