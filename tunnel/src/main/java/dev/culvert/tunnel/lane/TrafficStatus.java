package dev.culvert.tunnel.lane;

import dev.culvert.routing.TrafficClass;
import java.util.Map;

/**
 * What a cluster's classifier made of the packets that came to the tunnel. Empty without one.
 *
 * @param encrypted what was to be sealed, by class; what of it went no further all the same is
 *     among the drops
 * @param bypassed what left in clear on purpose, by rule
 */
public record TrafficStatus(Map<TrafficClass, Volume> encrypted, Map<String, Volume> bypassed) {
  public static final TrafficStatus NONE = new TrafficStatus(Map.of(), Map.of());

  /**
   * How much it was.
   *
   * @param packets after segmentation
   * @param bytes of inner IP packets
   */
  public record Volume(long packets, long bytes) {
    Volume plus(Volume other) {
      return new Volume(packets + other.packets, bytes + other.bytes);
    }
  }

  public TrafficStatus {
    encrypted = Map.copyOf(encrypted);
    bypassed = Map.copyOf(bypassed);
  }
}
