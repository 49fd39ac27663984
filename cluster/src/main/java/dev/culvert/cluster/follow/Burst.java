// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Counts the objects that a watch told lately to be deleted, to notice when too many go at once.
 * One that has come back does not count.
 */
final class Burst {
  private final FollowLimits limits;

  /** Times of the deletions that were believed, by the objects' names. */
  private final Map<String, Long> believed = new HashMap<>();

  Burst(FollowLimits limits) {
    this.limits = limits;
  }

  /**
   * Whether one more deletion is one too many. If it is not, it counts as believed.
   *
   * @param name of the object that is deleted
   * @param present names of all objects in force, with the one that is deleted
   * @param held how many of them a watch told to be deleted, and were kept
   */
  boolean isTooMany(long now, String name, Set<String> present, int held) {
    believed.keySet().removeAll(present);
    believed.values().removeIf(time -> now - time >= limits.burst().toNanos());
    int deleted = believed.size() + held + 1;
    int before = present.size() + believed.size();
    if (deleted > Math.max(1, limits.burstFrom() * before)) {
      return true;
    }
    believed.put(name, now);
    return false;
  }
}
