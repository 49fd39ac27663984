package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.runtime.LimitedLog;

/**
 * Packets of a lane whose handling threw. They are dropped and counted, and the lane goes on with
 * the others: whoever finds a packet that makes something throw gains the loss of that packet.
 */
final class LostPackets {
  private static final LimitedLog LOG = LimitedLog.of(LostPackets.class);

  private final DropCounters drops;

  LostPackets(DropCounters drops) {
    this.drops = drops;
  }

  void add(int packets, Throwable why) {
    add(packets);
    LOG.failure("packets", why, "{} packets were lost", packets);
  }

  /** The same, if somebody else says why. */
  void add(int packets) {
    if (packets > 0) {
      drops.count(DropReason.INTERNAL_ERROR, packets);
    }
  }
}
