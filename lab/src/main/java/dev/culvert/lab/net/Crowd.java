// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How many programs want each processor of this machine. A program that gets a sixth of a processor
 * needs six times as long, so whoever waits for it has to wait longer too, and on a machine that is
 * at rest no longer than before.
 */
public final class Crowd {
  private static final Path LOAD = Path.of("/proc/loadavg");

  /** A program that hangs is to be told even on a machine that is never at rest. */
  private static final double MOST = 6;

  private Crowd() {}

  /** From 1 for a machine with a processor to spare to 6. */
  static double factor() {
    try {
      return factor(Files.readString(LOAD), Runtime.getRuntime().availableProcessors());
    } catch (IOException e) {
      return 1; // A kernel that does not tell.
    }
  }

  /**
   * The same of a line of {@code /proc/loadavg}: the average of a minute, or the present number if
   * that is higher.
   */
  static double factor(String line, int processors) {
    String[] fields = line.split(" ", -1);
    double wanting =
        Math.max(
            Double.parseDouble(fields[0]),
            Integer.parseInt(fields[3].substring(0, fields[3].indexOf('/'))));
    return Math.clamp(wanting / processors, 1, MOST);
  }

  /**
   * The time to wait now for an answer that takes so long at most on a machine at rest.
   *
   * @return whole seconds, as {@code ping -W} takes them
   */
  public static String seconds(int atRest) {
    return Long.toString(Math.round(atRest * factor()));
  }

  /** The same, for others than {@code ping}. */
  static Duration stretched(Duration atRest) {
    return Duration.ofNanos((long) (atRest.toNanos() * factor()));
  }

  /** So much of a rate as a program can take that shares its processor now. */
  public static int share(int perSecond) {
    return (int) (perSecond / factor());
  }

  /** A bound of waiting, of which less passes in the same time the more crowded the machine is. */
  static final class Patience {
    private double left;
    private long before = System.nanoTime();

    Patience(Duration atRest) {
      left = atRest.toNanos();
    }

    boolean isOver() {
      long now = System.nanoTime();
      left -= (now - before) / factor();
      before = now;
      return left <= 0;
    }
  }
}
