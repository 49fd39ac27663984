// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/**
 * Remembers which counters have been seen (RFC 6479): a ring of bits that moves on by whole words,
 * so that no bits are shifted. The ring has 8192 bits, but those of the newest counter's word are
 * not reliable behind that counter, so a counter may be up to 8128 behind the newest. Counters are
 * unsigned 64-bit.
 *
 * <p>Not thread-safe: an engine holds its session's lock once per run.
 */
public final class ReplayWindow {
  public static final int BITS = 8192;

  /** The largest distance of an acceptable counter behind the newest. */
  public static final int USABLE = BITS - Long.SIZE;

  /** The number of {@link #words}. */
  public static final int WORDS = BITS / Long.SIZE;

  private static final int WORD_MASK = WORDS - 1;
  private static final int BITS_LOG2 = 6;

  private final long limit;
  private final long[] seen = new long[WORDS];
  private long newest;

  /**
   * @param limit the first counter, unsigned, that is never accepted
   */
  public ReplayWindow(long limit) {
    this.limit = limit;
  }

  /** Says whether {@link #accept} would accept {@code counter}; changes nothing. */
  public boolean isFresh(long counter) {
    if (Long.compareUnsigned(counter, limit) >= 0) {
      return false;
    }
    if (Long.compareUnsigned(counter, newest) > 0) {
      return true;
    }
    return Long.compareUnsigned(newest - counter, USABLE) <= 0
        && (seen[wordOf(counter)] & bitOf(counter)) == 0;
  }

  /**
   * Marks {@code counter} as seen. Call it only after the packet was authenticated, else a forged
   * counter moves the window past honest packets.
   *
   * @return false if it was seen before, is too old to know, or is at or past the limit
   */
  public boolean accept(long counter) {
    if (!isFresh(counter)) {
      return false;
    }
    if (Long.compareUnsigned(counter, newest) > 0) {
      moveTo(counter);
    }
    seen[wordOf(counter)] |= bitOf(counter);
    return true;
  }

  /** The highest counter that was accepted, 0 before the first. */
  public long newest() {
    return newest;
  }

  /** A copy of the ring of bits, for {@link #restore} elsewhere. */
  public long[] words() {
    return seen.clone();
  }

  /**
   * Makes this remember the counters that another window has seen.
   *
   * @param otherNewest its {@link #newest}
   * @param words its {@link #words}
   * @throws IllegalArgumentException if no window with this limit has these values
   */
  public void restore(long otherNewest, long[] words) {
    if (words.length != WORDS || Long.compareUnsigned(otherNewest, limit) >= 0) {
      throw new IllegalArgumentException("not the words of such a window");
    }
    System.arraycopy(words, 0, seen, 0, WORDS);
    newest = otherNewest;
  }

  /** Clears the words that the window newly covers: those after the newest's, up to this one's. */
  private void moveTo(long counter) {
    long word = newest >>> BITS_LOG2;
    long words = Math.min((counter >>> BITS_LOG2) - word, WORDS);
    for (long i = 1; i <= words; i++) {
      seen[(int) (word + i) & WORD_MASK] = 0;
    }
    newest = counter;
  }

  private static int wordOf(long counter) {
    return (int) (counter >>> BITS_LOG2) & WORD_MASK;
  }

  private static long bitOf(long counter) {
    return 1L << counter;
  }
}
