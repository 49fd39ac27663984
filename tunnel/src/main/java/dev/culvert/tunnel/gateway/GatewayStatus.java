// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.TrafficStatus;
import dev.culvert.tunnel.port.Offload;
import java.util.Map;

/**
 * The counters and properties of a gateway. Holds no secret.
 *
 * @param mtu the tunnel interface's MTU in bytes
 * @param lanes packet-moving threads
 * @param offloads each of the kernel's offloads: whether it is in use, and why not
 * @param cipher the AEAD backend in use
 * @param counters the sums of the lanes' counters; zeros left out
 * @param drops packets dropped, by reason; zeros left out
 * @param traffic the cluster classifier's verdicts on packets that came to the tunnel
 */
public record GatewayStatus(
    int mtu,
    int lanes,
    Map<Offload, Offload.State> offloads,
    String cipher,
    Map<LaneCounter, Long> counters,
    Map<DropReason, Long> drops,
    TrafficStatus traffic) {

  public GatewayStatus {
    offloads = Map.copyOf(offloads);
    counters = Map.copyOf(counters);
    drops = Map.copyOf(drops);
  }

  public long count(LaneCounter counter) {
    return counters.getOrDefault(counter, 0L);
  }
}
