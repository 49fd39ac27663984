// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import java.util.ArrayDeque;
import java.util.List;

/**
 * The newest lines of the log, kept in memory for {@code culvert bundle}. Their number and their
 * size are bounded. Thread-safe.
 */
public final class RecentLines {
  /** The most lines that are kept. */
  public static final int MOST_LINES = 5_000;

  /** The most characters that all lines have together. */
  public static final int MOST_CHARACTERS = 1 << 20;

  private static final RecentLines PROCESS = new RecentLines();

  /** Guarded by this. */
  private final ArrayDeque<String> lines = new ArrayDeque<>();

  private int characters;

  /** The lines of this process. */
  public static RecentLines ofProcess() {
    return PROCESS;
  }

  /**
   * Keeps a line, and lets the oldest ones go.
   *
   * @param line without its end; one that is longer than {@link #MOST_CHARACTERS} is cut
   */
  public synchronized void add(String line) {
    String kept = line.length() <= MOST_CHARACTERS ? line : line.substring(0, MOST_CHARACTERS);
    lines.add(kept);
    characters += kept.length();
    while (lines.size() > MOST_LINES || characters > MOST_CHARACTERS) {
      characters -= lines.remove().length();
    }
  }

  /** The lines, the oldest first. */
  public synchronized List<String> lines() {
    return List.copyOf(lines);
  }
}
