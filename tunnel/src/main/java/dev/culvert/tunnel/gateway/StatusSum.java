package dev.culvert.tunnel.gateway;

import dev.culvert.routing.TrafficClass;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.Lane;
import dev.culvert.tunnel.lane.LaneCounters;
import dev.culvert.tunnel.lane.TrafficStatus;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Adds up what the parts of a gateway counted. Good for one sum. */
final class StatusSum {
  private final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
  private final Map<TrafficClass, TrafficStatus.Volume> encrypted =
      new EnumMap<>(TrafficClass.class);
  private final Map<String, TrafficStatus.Volume> bypassed = new HashMap<>();
  private int lanes;
  private long sealed;
  private long opened;
  private long trainsSent;
  private long trainsReceived;

  StatusSum lanes(Collection<Lane> all) {
    for (Lane lane : all) {
      lane.traffic().addTo(encrypted, bypassed);
      LaneCounters counters = lane.counters();
      sealed += counters.packetsSealed();
      opened += counters.packetsOpened();
      trainsSent += counters.trainsSent();
      trainsReceived += counters.trainsReceived();
      drops(List.of(lane.drops(), lane.dataPath().drops()));
    }
    lanes += all.size();
    return this;
  }

  StatusSum drops(Collection<DropCounters> counters) {
    counters.forEach(each -> each.addTo(drops));
    return this;
  }

  GatewayStatus status(int mtu, List<String> offloads, String cipher) {
    return new GatewayStatus(
        mtu,
        lanes,
        offloads,
        cipher,
        sealed,
        opened,
        trainsSent,
        trainsReceived,
        drops,
        new TrafficStatus(encrypted, bypassed));
  }
}
