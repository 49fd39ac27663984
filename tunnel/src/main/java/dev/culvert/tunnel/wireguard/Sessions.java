package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.noise.IndexTable;
import org.jspecify.annotations.Nullable;

/**
 * The sessions that one peer may have at a time: the one we send under, the one before it (the peer
 * may still send under it), and the one we answered an initiation with, which the initiator has yet
 * to confirm. Changed by the control thread; lanes read {@link #current}.
 *
 * <p>A session that a lane has confirmed is sent under at once, though the control thread moves it
 * later: an initiator that restarted knows none but that, and would lose the first answers.
 */
final class Sessions {
  private final IndexTable indices;
  private volatile @Nullable Session current;
  private @Nullable Session previous;
  private volatile @Nullable Session next;

  Sessions(IndexTable indices) {
    this.indices = indices;
  }

  /** What is sent under, or null. Any thread. */
  @Nullable Session current() {
    // In this order: the control thread writes the current one before it takes the next one away.
    Session answered = next;
    return answered != null && answered.confirmed() ? answered : current;
  }

  /**
   * Our initiation was answered: send under the new session at once. An unconfirmed session that we
   * answered with meanwhile is kept for receiving, since the peer may have taken it up (both ends
   * began at the same moment).
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

  /** We answered an initiation: receive under the new session, send once it is confirmed. */
  void answered(Session session) {
    Session unconfirmed = next;
    drop(previous);
    previous = null;
    indices.put(session);
    next = session;
    drop(unconfirmed);
  }

  /**
   * Makes the session we answered with the current one, if the initiator has been heard under it.
   */
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

  boolean isEmpty() {
    return current == null && previous == null && next == null;
  }

  /** Ends all of them. */
  void clear() {
    Session last = current;
    Session answered = next;
    // Before any is closed: a lane is to find none rather than one that is.
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
