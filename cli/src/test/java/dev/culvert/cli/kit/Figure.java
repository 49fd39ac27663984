// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import java.util.Locale;

/** A measurement that a test prints, to be found in the output of a run. */
public final class Figure {
  private Figure() {}

  /** Prints a size, in millions of bytes. */
  public static void megabytes(String name, long bytes) {
    System.out.printf(Locale.ROOT, "FIGURE %s %.1f MB%n", name, bytes / 1e6);
  }

  /**
   * Prints the time that has passed.
   *
   * @param since {@link System#nanoTime} of the beginning
   */
  public static void seconds(String name, long since) {
    System.out.printf(Locale.ROOT, "FIGURE %s %.2f s%n", name, (System.nanoTime() - since) / 1e9);
  }
}
