// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Figures in a form that people can read. */
public final class Units {
  private static final String[] BYTES = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  private static final String[] BITS = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};

  private Units() {}

  public static String bytes(long bytes) {
    return scaled((double) bytes, 1024, BYTES);
  }

  /** Bits per second, with decimal prefixes as is usual for them. */
  public static String rate(double bits) {
    return scaled(bits, 1000, BITS);
  }

  private static String scaled(double value, int base, String[] units) {
    double left = value;
    int unit = 0;
    while (left >= base && unit < units.length - 1) {
      left /= base;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", left, units[unit]);
  }

  /** A number with its thousands set apart. */
  public static String count(long count) {
    return String.format(Locale.ROOT, "%,d", count);
  }

  /**
   * A share in percent.
   *
   * @param share 0 to 1
   */
  public static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
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
  public static String age(long seconds) {
    if (seconds < 120) {
      return seconds + " s";
    }
    return seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
  }
}
