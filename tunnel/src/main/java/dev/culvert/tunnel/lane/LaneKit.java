// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.Counters;
import dev.culvert.tunnel.engine.DropCounters;
import java.util.function.LongSupplier;

/**
 * Memory, counters and clock of one lane, shared by both directions.
 *
 * @param clock monotonic nanoseconds
 */
record LaneKit(
    LaneMemory memory,
    Counters<LaneCounter> counters,
    DropCounters drops,
    LostPackets lost,
    StageTimes stages,
    LongSupplier clock) {
  LaneKit(LostPackets.Listener listener, StageTimes stages, LongSupplier clock) {
    this(new DropCounters(), listener, stages, clock);
  }

  private LaneKit(
      DropCounters drops, LostPackets.Listener listener, StageTimes stages, LongSupplier clock) {
    this(
        new LaneMemory(),
        new Counters<>(LaneCounter.class),
        drops,
        new LostPackets(drops, listener),
        stages,
        clock);
  }
}
