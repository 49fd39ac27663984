// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.crypto.ReplayWindow;

/**
 * Writes and reads a replay window in few bytes: of its words, most are full in a busy session and
 * empty in a quiet one, and only the others are written.
 */
public final class SavedWindow {
  private static final long FULL = -1;

  private SavedWindow() {}

  public static void save(ReplayWindow window, StateWriter out) {
    long[] words = window.words();
    out.int64(window.newest());
    for (int first = 0; first < words.length; first += Long.SIZE) {
      long full = 0;
      long mixed = 0;
      for (int i = 0; i < Long.SIZE; i++) {
        long word = words[first + i];
        if (word == FULL) {
          full |= 1L << i;
        } else if (word != 0) {
          mixed |= 1L << i;
        }
      }
      out.int64(full).int64(mixed);
      for (long rest = mixed; rest != 0; rest &= rest - 1) {
        out.int64(words[first + Long.numberOfTrailingZeros(rest)]);
      }
    }
  }

  /**
   * Reads into {@code window}.
   *
   * @throws StateException if its limit does not allow the newest counter
   */
  public static void restore(ReplayWindow window, StateReader in) throws StateException {
    long newest = in.int64();
    long[] words = new long[ReplayWindow.WORDS];
    for (int first = 0; first < words.length; first += Long.SIZE) {
      long full = in.int64();
      long mixed = in.int64();
      for (int i = 0; i < Long.SIZE; i++) {
        if ((full >>> i & 1) != 0) {
          words[first + i] = FULL;
        } else if ((mixed >>> i & 1) != 0) {
          words[first + i] = in.int64();
        }
      }
    }
    try {
      window.restore(newest, words);
    } catch (IllegalArgumentException e) {
      throw new StateException("a replay window past its limit", e);
    }
  }
}
