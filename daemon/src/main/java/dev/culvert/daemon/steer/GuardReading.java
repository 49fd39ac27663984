// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.routing.TrafficClass;
import java.util.Map;
import java.util.Optional;

/**
 * The guard at one moment, for metrics.
 *
 * @param present whether nft answered that it stands
 * @param sums the packets that it met without encryption and without exemption
 * @param exemptions the packets that exemptions let pass, by the exemption's name
 */
public record GuardReading(boolean present, Map<Kind, Sum> sums, Map<String, Sum> exemptions) {
  public GuardReading {
    sums = Map.copyOf(sums);
    exemptions = Map.copyOf(exemptions);
  }

  /**
   * A kind of packets that the guard counts.
   *
   * @param traffic empty for packets that belong to no class
   * @param out whether they left this node, or came to it
   * @param clear whether they passed, or were dropped
   */
  public record Kind(Optional<TrafficClass> traffic, boolean out, boolean clear) {}

  /** An amount of traffic. */
  public record Sum(long packets, long bytes) {
    public static final Sum NONE = new Sum(0, 0);

    public Sum plus(Sum other) {
      return new Sum(packets + other.packets, bytes + other.bytes);
    }
  }

  /** The packets of those kinds together that crossed the underlay in clear in one direction. */
  public Sum clear(boolean out) {
    return sums.entrySet().stream()
        .filter(entry -> entry.getKey().clear() && entry.getKey().out() == out)
        .map(Map.Entry::getValue)
        .reduce(Sum.NONE, Sum::plus);
  }

  /** The packets that all exemptions together let pass. */
  public Sum exempt() {
    return exemptions.values().stream().reduce(Sum.NONE, Sum::plus);
  }

  /** The packets of a class that passed, or were dropped, in both directions. */
  public Sum of(Optional<TrafficClass> traffic, boolean clear) {
    return sums.entrySet().stream()
        .filter(entry -> entry.getKey().traffic().equals(traffic))
        .filter(entry -> entry.getKey().clear() == clear)
        .map(Map.Entry::getValue)
        .reduce(Sum.NONE, Sum::plus);
  }
}
