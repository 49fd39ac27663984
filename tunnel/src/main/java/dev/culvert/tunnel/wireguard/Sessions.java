// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.noise.IndexTable;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The sessions that one peer may have at a time: the current one for sending, the previous one (the
 * peer may still send under it), and the one that answers an initiation and that the initiator has
 * yet to confirm. Changed by the control thread; lanes read {@link #current}.
 *
 * <p>Once a lane has confirmed a session, it is used for sending at once, though the control thread
 * moves it later: a restarted initiator has no other session, and would lose the first answers.
 */
final class Sessions {
  private final IndexTable indices;
  private volatile @Nullable Session current;
  private @Nullable Session previous;
  private volatile @Nullable Session next;

  Sessions(IndexTable indices) {
    this.indices = indices;
  }

  /** The session for sending, or null. Thread-safe. */
  @Nullable Session current() {
    // In this order, since the control thread writes the current one before it removes the next
    // one.
    Session answered = next;
    return answered != null && answered.confirmed() ? answered : current;
  }

  /**
   * Our initiation was answered: sends under the new session at once. An unconfirmed session from
   * an initiation that we answered meanwhile is kept for receiving, since the peer may have taken
   * it up (both ends began at the same moment).
   */
  void initiated(Session session) {
    Session answered = next;
    Session replaced = current;
    drop(previous);
    indices.put(session);
    current = session;
    if (answered != null) {
      previous = answered;
      next = null;
      drop(replaced);
    } else {
      previous = replaced;
    }
  }

  /** We answered an initiation: receives under the new session, and sends once it is confirmed. */
  void answered(Session session) {
    Session unconfirmed = next;
    drop(previous);
    previous = null;
    indices.put(session);
    next = session;
    drop(unconfirmed);
  }

  /** Makes the session we answered with the current one, if the initiator has confirmed it. */
  boolean promoteConfirmed() {
    Session confirmed = next;
    if (confirmed == null || !confirmed.confirmed()) {
      return false;
    }
    drop(previous);
    previous = current;
    current = confirmed;
    next = null;
    return true;
  }

  void save(StateWriter out, long nowNanos) {
    out.optional(current, session -> session.save(out, nowNanos))
        .optional(previous, session -> session.save(out, nowNanos))
        .optional(next, session -> session.save(out, nowNanos));
  }

  /**
   * Reads the sessions of a new peer.
   *
   * @throws StateException if they cannot be read; the caller then clears this
   */
  void restore(WireGuardPeer peer, Limits limits, StateReader in, long savedAtNanos)
      throws StateException {
    current = in.optional(() -> Session.restore(peer, limits, in, savedAtNanos));
    previous = in.optional(() -> Session.restore(peer, limits, in, savedAtNanos));
    next = in.optional(() -> Session.restore(peer, limits, in, savedAtNanos));
    for (Session session : all()) {
      indices.restore(session);
    }
  }

  void jumpAhead(long packets) {
    all().forEach(session -> session.jumpAhead(packets));
  }

  private List<Session> all() {
    return Stream.of(current, previous, next).filter(Objects::nonNull).toList();
  }

  boolean isEmpty() {
    return current == null && previous == null && next == null;
  }

  /** Ends all of them. */
  void clear() {
    Session last = current;
    Session answered = next;
    // Before any is closed, so that lanes find no session rather than a closed one.
    next = null;
    current = null;
    drop(last);
    drop(previous);
    drop(answered);
    previous = null;
  }

  private void drop(@Nullable Session session) {
    if (session != null) {
      indices.remove(session);
      session.close();
    }
  }
}
