// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.observe.Reading;
import dev.culvert.tunnel.lane.LaneReading;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The share of a processor that each lane uses, from two looks some seconds apart. Thread-safe. */
final class LaneUse {
  private static final long APART = TimeUnit.SECONDS.toNanos(5);

  private final Map<Integer, Look> looks = new HashMap<>();

  /** One look; {@code busy} is the share between it and the one before, or NaN. */
  private record Look(long at, long cpuNanos, double busy) {}

  synchronized List<Reading.Lane> of(List<LaneReading> lanes) {
    long now = System.nanoTime();
    List<Reading.Lane> readings = new ArrayList<>();
    for (LaneReading lane : lanes) {
      readings.add(new Reading.Lane(lane.lane(), lane.silentNanos() / 1e9, busy(lane, now)));
    }
    return readings;
  }

  private double busy(LaneReading lane, long now) {
    if (lane.cpuNanos() < 0) {
      return Double.NaN;
    }
    Look before = looks.get(lane.lane());
    if (before != null && now - before.at < APART) {
      return before.busy;
    }
    double busy =
        before == null
            ? Double.NaN
            : (double) (lane.cpuNanos() - before.cpuNanos) / (now - before.at);
    looks.put(lane.lane(), new Look(now, lane.cpuNanos(), busy));
    return busy;
  }
}
