package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.noise.IndexTable;
import org.jspecify.annotations.Nullable;

/**
 * The sessions that one peer may have at a time: the one we send under, the one before it (the peer
 * may still send under it), and the one we answered an initiation with, which the initiator has yet
 * to confirm. Changed by the control thread; lanes read {@link #current}.
 */
final class Sessions {
  private final IndexTable indices;
  private volatile @Nullable Session current;
  private @Nullable Session previous;
  private @Nullable Session next;

  Sessions(IndexTable indices) {
    this.indices = indices;
  }

  /** What is sent under, or null. Any thread. */
  @Nullable Session current() {
    return current;
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
    drop(previous);
    drop(next);
    previous = null;
    indices.put(session);
    next = session;
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
    current = null;
    drop(last);
    drop(previous);
    drop(next);
    previous = null;
    next = null;
  }

  private void drop(@Nullable Session session) {
    if (session != null) {
      indices.remove(session);
      session.close();
    }
  }
}
