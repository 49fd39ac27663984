// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** The speed of the traffic in each second since the gateways were started, in Gbit/s. */
final class SpeedCurve {
  /** The factor by which the speed wavers from one second to the next. */
  private static final double WAVER = 1.1;

  /** The time for which a compiler may keep both processors busy between two rises. */
  private static final int STEADY_SECONDS = 4;

  private final List<Double> seconds = new ArrayList<>();

  void add(double gigabits) {
    seconds.add(gigabits);
  }

  /** Whether the last seconds brought a higher speed than all seconds before. */
  boolean rises() {
    int before = seconds.size() - STEADY_SECONDS;
    if (before < 1) {
      return true;
    }
    double best = Collections.max(seconds.subList(0, before));
    return Collections.max(seconds.subList(before, seconds.size())) > WAVER * best;
  }

  double latest() {
    return seconds.getLast();
  }

  List<Double> seconds() {
    return List.copyOf(seconds);
  }

  /** The speeds, as in {@code 0.2 0.9 3.1}. */
  @Override
  public String toString() {
    return String.join(
        " ", seconds.stream().map(speed -> String.format(Locale.ROOT, "%.1f", speed)).toList());
  }
}
