// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.BlindSpot.Found;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.Policy;
import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.plan.GuardCounters;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sums up the counts of the lanes and the guard. The guard sees the underlay: packets that it let
 * through by a class were in clear. Its counters outlive the daemon, so an audit needs no daemon.
 * Packets that were counted under an earlier policy are judged by the present one.
 */
public final class Audit {
  private final Map<String, Figures> rows = new LinkedHashMap<>();
  private final Map<String, Count> counters;

  private Audit(Map<String, Count> counters) {
    this.counters = counters;
  }

  private static final class Figures {
    long encrypted;
    long exempt;
    long dropped;
    long clear;
  }

  /** The audit of this machine while no gateway runs. */
  public static AuditView of(GatewayConfig config, Network network) throws IOException {
    GatewayPlan plan = GatewayPlan.of(config, network);
    return of(config, plan, network, null);
  }

  /**
   * The audit of this machine.
   *
   * @param plan that the kernel is to hold
   * @param status of the running gateway, null if none runs
   */
  public static AuditView of(
      GatewayConfig config, GatewayPlan plan, Network network, @Nullable GatewayStatus status)
      throws IOException {
    Map<String, Count> counters = network.counters();
    Audit audit = new Audit(counters);
    Policy policy = config.cluster().policy();
    for (TrafficClass traffic : TrafficClass.values()) {
      audit.classes(traffic, policy);
    }
    audit.guard("unknown", GuardCounters.UNKNOWN_OUT, !policy.strictEgress());
    audit.guard("unknown", GuardCounters.UNKNOWN_IN, !policy.strictIngress());
    audit.guard("unknown", GuardCounters.TRANSLATED_IN, !policy.strictIngress());
    boolean toMany = policy.accepted().contains(BlindSpot.MULTICAST_OVERLAY);
    audit.guard("overlay to many", GuardCounters.OVERLAY_OUT, toMany || !policy.strictEgress());
    if (counters.containsKey(GuardCounters.LINK_OUT)) {
      audit.guard("past the IP layer", GuardCounters.LINK_OUT, !policy.strictEgress());
    }
    for (Exemption exemption : policy.exemptions()) {
      for (String counter : GuardCounters.exempt(exemption.name())) {
        audit.row(exemption.name()).exempt += audit.packets(counter);
      }
    }
    if (status != null) {
      audit.lanes(status);
    }
    List<AuditView.Row> rows = new ArrayList<>();
    audit.rows.forEach(
        (traffic, f) ->
            rows.add(new AuditView.Row(traffic, f.encrypted, f.exempt, f.dropped, f.clear)));
    return new AuditView(!counters.isEmpty(), rows, blindSpots(plan, network, counters));
  }

  private static List<String> blindSpots(
      GatewayPlan plan, Network network, Map<String, Count> counters) throws IOException {
    List<Found> found = network.blindSpots(plan.underlay());
    List<String> spots = new ArrayList<>(found.stream().map(Found::toString).toList());
    boolean lacking = found.stream().anyMatch(spot -> spot.spot() == BlindSpot.NO_NETDEV_EGRESS);
    if (!counters.isEmpty() && !counters.containsKey(GuardCounters.LINK_OUT) && !lacking) {
      spots.add(
          "the guard's second layer does not stand; "
              + (plan.kernel().guard().physical().isEmpty()
                  ? "no device is known that leads to other nodes"
                  : "'culvert up' loads it"));
    }
    return spots;
  }

  private Figures row(String traffic) {
    return rows.computeIfAbsent(traffic, name -> new Figures());
  }

  private long packets(String counter) throws IOException {
    if (counters.isEmpty()) {
      return 0;
    }
    Count count = counters.get(counter);
    if (count == null) {
      throw new IOException(
          "the guard does not count '"
              + counter
              + "': it was loaded by another version or from another configuration; 'culvert reload'"
              + " or 'culvert up' loads it anew");
    }
    return count.packets();
  }

  private void classes(TrafficClass traffic, Policy policy) throws IOException {
    boolean inClear = policy.inClear().contains(traffic);
    guard(traffic.toString(), GuardCounters.of(traffic, true), inClear || !policy.strictEgress());
    guard(traffic.toString(), GuardCounters.of(traffic, false), inClear || !policy.strictIngress());
  }

  private void guard(String traffic, String counter, boolean passes) throws IOException {
    long packets = packets(counter);
    Figures figures = row(traffic);
    if (passes) {
      figures.clear += packets;
    } else {
      figures.dropped += packets;
    }
  }

  /**
   * Adds the counts of the lanes. Packets that the lanes let out in clear are in the guard's
   * counters, since they meet the guard.
   */
  private void lanes(GatewayStatus status) {
    Map<TrafficClass, Volume> classes = status.traffic().encrypted();
    if (classes.isEmpty()) {
      row("sent through the tunnel").encrypted += status.count(LaneCounter.PACKETS_SENT);
    }
    classes.forEach((traffic, volume) -> row(traffic.toString()).encrypted += volume.packets());
    row("received through the tunnel").encrypted += status.count(LaneCounter.PACKETS_DELIVERED);
    status.drops().forEach((reason, packets) -> row(reason.label()).dropped += packets);
  }
}
