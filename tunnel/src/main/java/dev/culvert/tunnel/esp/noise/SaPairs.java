// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import dev.culvert.tunnel.noise.IndexTable;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The SAs with one peer: the pairs for receiving, among them the current one for sending, and the
 * one that answers an initiation and that the initiator has yet to confirm. All pairs are used for
 * receiving until they expire, not only the current and the previous one as in WireGuard: if both
 * ends began at the same moment, each sends under its own pair, and packets may be under way while
 * both are renewed. Changed by the control thread; lanes read {@link #current}.
 */
final class SaPairs {
  /** The most pairs for receiving; no working peer makes more in three minutes. */
  private static final int MAX_RECEIVING = 8;

  /** The place of a pair that does not exist. */
  private static final int NONE = -1;

  private final IndexTable indices;

  /** Oldest first. */
  private final ArrayDeque<SaPair> receiving = new ArrayDeque<>();

  private volatile @Nullable SaPair current;
  private @Nullable SaPair next;

  SaPairs(IndexTable indices) {
    this.indices = indices;
  }

  /** The pair for sending, or null. Thread-safe. */
  @Nullable SaPair current() {
    return current;
  }

  /** Our initiation was answered: sends under the new pair at once. */
  void initiated(SaPair pair) {
    add(pair);
    current = pair;
    next = null;
  }

  /** We answered an initiation: receives under the new pair, and sends once it is confirmed. */
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

  /** Makes the pair we answered with the current one, if the initiator has confirmed it. */
  boolean promoteConfirmed() {
    SaPair confirmed = next;
    if (confirmed == null || !confirmed.confirmed()) {
      return false;
    }
    current = confirmed;
    next = null;
    return true;
  }

  /** Ends the pairs for which {@code over} is true. */
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

  /** The pair that answers an initiation and waits for its confirmation, or null. */
  @Nullable SaPair next() {
    return next;
  }

  void save(StateWriter out, long nowNanos) {
    List<SaPair> all = List.copyOf(receiving);
    out.list(all, pair -> pair.save(out, nowNanos));
    out.int32(place(current, all)).int32(place(next, all));
  }

  private static int place(@Nullable SaPair pair, List<SaPair> all) {
    return pair == null ? NONE : all.indexOf(pair);
  }

  /** Reads into new pairs, without those that the engine cannot continue. */
  void restore(NoisePair of, StateReader in, KeyingState.Context context, KeyingState.Sas sas)
      throws StateException {
    List<SaPair> all = in.list(() -> SaPair.read(of, in, context));
    int sendingUnder = in.int32();
    int answering = in.int32();
    if (all.size() > MAX_RECEIVING
        || Math.max(sendingUnder, answering) >= all.size()
        || Math.min(sendingUnder, answering) < NONE) {
      throw new StateException("no such pair of SAs");
    }
    for (SaPair pair : all) {
      if (sas.inbound().contains(pair.inboundKey())) {
        indices.restore(pair);
        receiving.add(pair);
      }
    }
    SaPair sending = sendingUnder == NONE ? null : all.get(sendingUnder);
    if (sending != null
        && receiving.contains(sending)
        && sas.outbound().contains(sending.outboundKey())) {
      current = sending;
    }
    SaPair answer = answering == NONE ? null : all.get(answering);
    if (answer != null && receiving.contains(answer) && answer.isWaiting()) {
      next = answer;
    }
  }

  /** Forgets pairs that were read and will not be used. */
  void forget() {
    receiving.forEach(indices::remove);
    receiving.clear();
  }

  /** Takes over the keys of pairs that were read. */
  void claim(UnclaimedSecrets secrets) {
    for (SaPair pair : receiving) {
      pair.claim(secrets);
      pair.jumpAhead(SafetyJump.PACKETS);
    }
  }

  /** The keys of all SAs in use. */
  void keys(Set<SaKeyId> into) {
    receiving.forEach(pair -> into.add(pair.inboundKey()));
    SaPair sending = current;
    if (sending != null) {
      into.add(sending.outboundKey());
    }
  }

  /** The pair that ends first, or null. */
  @Nullable SaPair oldest() {
    return receiving.peekFirst();
  }
}
