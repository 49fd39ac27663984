// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.Lane;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import dev.culvert.tunnel.port.Offload;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Adds up the counters of a gateway's parts. Used for one sum. */
final class StatusSum {
  private final Map<LaneCounter, Long> counters = new EnumMap<>(LaneCounter.class);
  private final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
  private final Map<TrafficClass, Volume> encrypted = new EnumMap<>(TrafficClass.class);
  private final Map<String, Volume> bypassed = new HashMap<>();
  private int lanes;

  /** Adds the counters of predecessors. */
  StatusSum before(GatewayStatus counted) {
    counted.counters().forEach((counter, n) -> counters.merge(counter, n, Long::sum));
    counted.drops().forEach((reason, n) -> drops.merge(reason, n, Long::sum));
    counted.traffic().encrypted().forEach((type, n) -> encrypted.merge(type, n, Volume::plus));
    counted.traffic().bypassed().forEach((rule, n) -> bypassed.merge(rule, n, Volume::plus));
    return this;
  }

  StatusSum lanes(Collection<Lane> all) {
    for (Lane lane : all) {
      lane.traffic().addTo(encrypted, bypassed);
      lane.counters().addTo(counters);
      drops(List.of(lane.drops(), lane.dataPath().drops()));
    }
    lanes += all.size();
    return this;
  }

  StatusSum drops(Collection<DropCounters> all) {
    all.forEach(each -> each.addTo(drops));
    return this;
  }

  GatewayStatus status(int mtu, Map<Offload, Offload.State> offloads, String cipher) {
    return new GatewayStatus(
        mtu, lanes, offloads, cipher, counters, drops, new TrafficStatus(encrypted, bypassed));
  }
}
