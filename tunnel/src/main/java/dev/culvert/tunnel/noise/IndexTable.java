// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
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

  /** For {@link Messages#MAX_PEERS} with three sessions and an initiation each. */
  private static final int MOST_SLOTS = 2 * SPARSENESS * 4 * Messages.MAX_PEERS;

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

  /** Writes the table's size; its entries are written with their owners. */
  public void save(StateWriter out) {
    out.int32(slots.length());
  }

  /** Gives a new table the size of the saved one, in which all saved indices have their slots. */
  public void restore(StateReader in) throws StateException {
    int size = in.int32();
    if (size < FIRST_SLOTS || size > MOST_SLOTS || Integer.bitCount(size) != 1) {
      throw new StateException("no size of a table of indices");
    }
    slots = new AtomicReferenceArray<>(size);
  }

  /**
   * Enters an entry of the saved table.
   *
   * @throws StateException if its slot is taken, or if its index is too low
   */
  public void restore(Indexed entry) throws StateException {
    int slot = entry.localIndex() & (slots.length() - 1);
    if (Integer.compareUnsigned(entry.localIndex(), first) < 0
        || !slots.compareAndSet(slot, null, entry)) {
      throw new StateException("an index that is taken");
    }
    taken++;
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
