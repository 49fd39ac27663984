// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.TrafficClass;
import java.util.Map;

/**
 * A cluster classifier's verdicts on the packets that came to the tunnel. Empty without a
 * classifier.
 *
 * @param encrypted packets to be sealed, by class; those that were dropped later are among the
 *     drops too
 * @param bypassed packets that left in clear on purpose, by rule
 */
public record TrafficStatus(Map<TrafficClass, Volume> encrypted, Map<String, Volume> bypassed) {
  public static final TrafficStatus NONE = new TrafficStatus(Map.of(), Map.of());

  /**
   * An amount of traffic.
   *
   * @param packets packets after segmentation
   * @param bytes bytes of inner IP packets
   */
  public record Volume(long packets, long bytes) {
    public Volume plus(Volume other) {
      return new Volume(packets + other.packets, bytes + other.bytes);
    }
  }

  public TrafficStatus {
    encrypted = Map.copyOf(encrypted);
    bypassed = Map.copyOf(bypassed);
  }
}
