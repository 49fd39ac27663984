// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;

/**
 * Packets of a lane whose handling threw. They are dropped and counted, and the lane goes on with
 * the others: so a packet whose handling throws is the only one lost.
 */
public final class LostPackets {
  /** Called on the lane's thread each time that the handling of packets threw. */
  public interface Listener {
    void lost(int packets, Throwable why);
  }

  private final DropCounters drops;
  private final Listener listener;

  LostPackets(DropCounters drops, Listener listener) {
    this.drops = drops;
    this.listener = listener;
  }

  void add(int packets, Throwable why) {
    add(packets);
    listener.lost(packets, why);
  }

  /** Counts packets whose cause was reported already. */
  void add(int packets) {
    if (packets > 0) {
      drops.count(DropReason.INTERNAL_ERROR, packets);
    }
  }
}
