package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.noise.IndexTable;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The SAs with one peer: what is received under, of that what is sent under, and what we answered
 * an initiation with and the initiator has yet to confirm. All are received under until their end,
 * not only the last before the current one as in WireGuard: where both ends began at the same
 * moment each sends under its own, and packets may be under way while both are renewed. Changed by
 * the control thread; lanes read {@link #current}.
 */
final class SaPairs {
  /** A peer that makes more than that in three minutes has lost its way. */
  private static final int MAX_RECEIVING = 8;

  private final IndexTable indices;

  /** Oldest first. */
  private final ArrayDeque<SaPair> receiving = new ArrayDeque<>();

  private volatile @Nullable SaPair current;
  private @Nullable SaPair next;

  SaPairs(IndexTable indices) {
    this.indices = indices;
  }

  /** What is sent under, or null. Any thread. */
  @Nullable SaPair current() {
    return current;
  }

  /** Our initiation was answered: send under the new pair at once. */
  void initiated(SaPair pair) {
    add(pair);
    current = pair;
    next = null;
  }

  /** We answered an initiation: receive under the new pair, send once it is confirmed. */
  void answered(SaPair pair) {
    add(pair);
    next = pair;
  }

  private void add(SaPair pair) {
    if (receiving.size() == MAX_RECEIVING) {
      SaPair kept = current;
      SaPair oldest = receiving.stream().filter(p -> !p.equals(kept)).findFirst().orElseThrow();
      removeIf(oldest::equals);
    }
    indices.put(pair);
    receiving.addLast(pair);
  }

  /** Makes the pair we answered with the current one, if the initiator has been heard under it. */
  boolean promoteConfirmed() {
    SaPair confirmed = next;
    if (confirmed == null || !confirmed.confirmed()) {
      return false;
    }
    current = confirmed;
    next = null;
    return true;
  }

  /** Ends those that {@code over} says of. */
  void removeIf(Predicate<SaPair> over) {
    for (SaPair pair : List.copyOf(receiving)) {
      if (over.test(pair)) {
        receiving.remove(pair);
        if (pair.equals(current)) {
          current = null;
        }
        if (pair.equals(next)) {
          next = null;
        }
        indices.remove(pair);
        pair.close();
      }
    }
  }

  /** The one that ends first, or null. */
  @Nullable SaPair oldest() {
    return receiving.peekFirst();
  }
}
