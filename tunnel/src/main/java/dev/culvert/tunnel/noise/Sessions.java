package dev.culvert.tunnel.noise;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The sessions that one peer may have at a time: the one we send under, the one before it (the peer
 * may still send under it), and the one we answered an initiation with, which the initiator has yet
 * to confirm. Changed by the control thread; lanes read {@link #current}.
 */
public final class Sessions<S extends Sessions.Entry> {
  /** A pair of keys, one each way. */
  public interface Entry extends Indexed, AutoCloseable {
    /** Whether the peer has been heard under it. */
    boolean confirmed();

    /** Nothing is sent or received under it any more. */
    @Override
    void close();
  }

  private final IndexTable indices;
  private volatile @Nullable S current;
  private @Nullable S previous;
  private @Nullable S next;

  public Sessions(IndexTable indices) {
    this.indices = indices;
  }

  /** What is sent under, or null. Any thread. */
  public @Nullable S current() {
    return current;
  }

  /**
   * Our initiation was answered: send under the new session at once. An unconfirmed session that we
   * answered with meanwhile is kept for receiving, since the peer may have taken it up (both ends
   * began at the same moment).
   */
  public void initiated(S session) {
    S answered = next;
    S replaced = current;
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
  public void answered(S session) {
    drop(previous);
    drop(next);
    previous = null;
    indices.put(session);
    next = session;
  }

  /**
   * Makes the session we answered with the current one, if the initiator has been heard under it.
   */
  public boolean promoteConfirmed() {
    S confirmed = next;
    if (confirmed == null || !confirmed.confirmed()) {
      return false;
    }
    drop(previous);
    previous = current;
    current = confirmed;
    next = null;
    return true;
  }

  public boolean isEmpty() {
    return current == null && previous == null && next == null;
  }

  /** All of them. */
  public Stream<S> stream() {
    List<S> all = new ArrayList<>();
    addTo(all, current);
    addTo(all, previous);
    addTo(all, next);
    return all.stream();
  }

  /** Ends those that {@code over} says of. */
  public void removeIf(Predicate<? super S> over) {
    if (current != null && over.test(current)) {
      S last = current;
      current = null;
      drop(last);
    }
    if (previous != null && over.test(previous)) {
      drop(previous);
      previous = null;
    }
    if (next != null && over.test(next)) {
      drop(next);
      next = null;
    }
  }

  /** Ends all of them. */
  public void clear() {
    S last = current;
    current = null;
    drop(last);
    drop(previous);
    drop(next);
    previous = null;
    next = null;
  }

  private static <S> void addTo(List<S> all, @Nullable S session) {
    if (session != null) {
      all.add(session);
    }
  }

  private void drop(@Nullable S session) {
    if (session != null) {
      indices.remove(session);
      session.close();
    }
  }
}
