package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus;
import java.util.List;
import java.util.Map;

/**
 * What a gateway did so far and what it runs on. Holds no secret.
 *
 * @param mtu the tunnel interface's MTU
 * @param lanes packet-moving threads
 * @param offloads what the kernel offers and is used, as in {@code tun-tso, tun-uso, udp-gso,
 *     udp-gro}
 * @param cipher the AEAD backend in use
 * @param counters what the lanes counted together; zeros left out
 * @param drops packets dropped, by reason; zeros left out
 * @param traffic what the cluster's classifier made of what came to the tunnel
 */
public record GatewayStatus(
    int mtu,
    int lanes,
    List<String> offloads,
    String cipher,
    Map<LaneCounter, Long> counters,
    Map<DropReason, Long> drops,
    TrafficStatus traffic) {

  public GatewayStatus {
    offloads = List.copyOf(offloads);
    counters = Map.copyOf(counters);
    drops = Map.copyOf(drops);
  }

  public long count(LaneCounter counter) {
    return counters.getOrDefault(counter, 0L);
  }
}
