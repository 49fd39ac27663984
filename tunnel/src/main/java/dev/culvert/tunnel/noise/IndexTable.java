// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A table from receiver indices to sessions and initiations. Lanes look up without a lock; only the
 * control thread changes it. An index is random except for its low bits, which are a free slot: a
 * look-up is one array read, and entries never move. Doubling keeps slots apart, since a longer run
 * of low bits still tells them apart.
 */
public final class IndexTable {
  private static final int FIRST_SLOTS = 64;

  /** At most one slot in four is taken, so that a free one is found soon. */
  private static final int SPARSENESS = 4;

  private final RandomGenerator random;
  private final int first;
  private volatile AtomicReferenceArray<@Nullable Indexed> slots =
      new AtomicReferenceArray<>(FIRST_SLOTS);
  private int taken;

  public IndexTable(RandomGenerator random) {
    this(random, 0);
  }

  /**
   * @param first the lowest index to give out (unsigned)
   */
  public IndexTable(RandomGenerator random, int first) {
    this.random = random;
    this.first = first;
  }

  /** The entry of {@code index}, or null. Thread-safe. */
  public @Nullable Indexed find(int index) {
    AtomicReferenceArray<@Nullable Indexed> table = slots;
    Indexed entry = table.getAcquire(index & (table.length() - 1));
    return entry != null && entry.localIndex() == index ? entry : null;
  }

  /** An index without an entry; {@link #put} takes it. */
  public int freeIndex() {
    AtomicReferenceArray<@Nullable Indexed> table = slots;
    while (true) {
      int index = random.nextInt();
      if (Integer.compareUnsigned(index, first) >= 0
          && table.get(index & (table.length() - 1)) == null) {
        return index;
      }
    }
  }

  /** Enters {@code entry} under its index, in place of the present entry of that index. */
  public void put(Indexed entry) {
    int slot = entry.localIndex() & (slots.length() - 1);
    if (slots.getAndSet(slot, entry) == null && ++taken * SPARSENESS > slots.length()) {
      grow();
    }
  }

  /** Removes {@code entry} if its index still names it. */
  public void remove(Indexed entry) {
    int slot = entry.localIndex() & (slots.length() - 1);
    if (slots.compareAndSet(slot, entry, null)) {
      taken--;
    }
  }

  private void grow() {
    AtomicReferenceArray<@Nullable Indexed> old = slots;
    AtomicReferenceArray<@Nullable Indexed> larger = new AtomicReferenceArray<>(2 * old.length());
    for (int i = 0; i < old.length(); i++) {
      Indexed entry = old.get(i);
      if (entry != null) {
        larger.set(entry.localIndex() & (larger.length() - 1), entry);
      }
    }
    slots = larger;
  }
}
