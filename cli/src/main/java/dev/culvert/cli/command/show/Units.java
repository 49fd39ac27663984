// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Figures in a form that people can read. */
public final class Units {
  private static final String[] BYTES = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

  private Units() {}

  public static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < BYTES.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, BYTES[unit]);
  }

  /**
   * The time since a moment.
   *
   * @param then seconds since 1970, null for never
   */
  public static String ago(@Nullable Long then, long now) {
    if (then == null) {
      return "never";
    }
    return age(Math.max(0, now - then)) + " ago";
  }

  /** Some ranges of a list that may be long. */
  public static String few(List<String> ranges) {
    return switch (ranges.size()) {
      case 0 -> "-";
      case 1, 2, 3 -> String.join(",", ranges);
      default -> String.join(",", ranges.subList(0, 2)) + ",+" + (ranges.size() - 2);
    };
  }

  /** A duration in words. */
  static String age(long seconds) {
    if (seconds < 120) {
      return seconds + " s";
    }
    return seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
  }
}
