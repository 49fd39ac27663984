// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import java.time.Duration;

/**
 * How long an action rests before it is done again: {@value #SHARE} times as long as it took, so
 * that it takes no more than a twentieth of one processor or disk, within bounds.
 *
 * @param least the shortest rest
 * @param most the longest rest
 */
record Pace(Duration least, Duration most) {
  private static final int SHARE = 20;

  /**
   * The pace of writing a file of so many objects, of one kilobyte or so each: at most a thousand
   * of them per second, however fast the disk is.
   */
  static Pace ofWriting(int objects) {
    Duration most = Duration.ofSeconds(5);
    return new Pace(clamp(Duration.ofMillis(100), Duration.ofMillis(objects), most), most);
  }

  static Duration clamp(Duration least, Duration value, Duration most) {
    if (value.compareTo(least) < 0) {
      return least;
    }
    return value.compareTo(most) < 0 ? value : most;
  }

  Duration restAfter(Duration took) {
    return clamp(least, took.multipliedBy(SHARE), most);
  }
}
