// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Figures as people read them. */
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
   * How long ago something was.
   *
   * @param then seconds since 1970, null for never
   */
  static String ago(@Nullable Long then, long now) {
    if (then == null) {
      return "never";
    }
    return age(Math.max(0, now - then)) + " ago";
  }

  /** A time as people say it. */
  static String age(long seconds) {
    if (seconds < 120) {
      return seconds + " s";
    }
    return seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
  }
}
