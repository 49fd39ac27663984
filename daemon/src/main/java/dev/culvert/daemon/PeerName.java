// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.NameView;
import dev.culvert.daemon.config.NamedPeer;
import dev.culvert.tunnel.engine.Endpoint;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One name and the outcome of its look-ups. Changed under the lock of {@link PeerNames} only. */
final class PeerName {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** The longest pause between failed look-ups, in seconds; the pause doubles with each failure. */
  private static final int LONGEST_PAUSE = 30;

  /**
   * Seconds to the next look at a peer whose name was just asked for, doubled while it is silent.
   */
  private static final int FIRST_LOOK = 10;

  private static final int LATEST_LOOK = 60;

  /** Everything that is known of the name, as one immutable value for readers on other threads. */
  private record State(
      List<Endpoint> answer, @Nullable String error, long since, int tries, long nextTry) {}

  private final NamedPeer peer;
  private volatile State state;

  /** The look-up that is under way. */
  @Nullable CompletableFuture<Void> pending;

  PeerName(NamedPeer peer) {
    this.peer = peer;
    long now = System.nanoTime();
    state = new State(List.of(), null, now, 0, now);
  }

  NamedPeer peer() {
    return peer;
  }

  /** The addresses that the name last stood for; empty before the first answer. */
  List<Endpoint> answer() {
    return state.answer();
  }

  /** Why the name does not resolve now; null if it does, or if there was no answer yet. */
  @Nullable String error() {
    return state.error();
  }

  boolean isResolved() {
    return state.error() == null && !state.answer().isEmpty();
  }

  boolean isDue(long now) {
    return now - state.nextTry() >= 0;
  }

  void failed(String error, long now) {
    State was = state;
    boolean again = was.error() != null;
    int tries = again ? was.tries() + 1 : 1;
    long pause = Math.min(LONGEST_PAUSE, 1L << Math.min(tries - 1, 10));
    state = new State(was.answer(), error, again ? was.since() : now, tries, now + pause * SECOND);
  }

  void succeeded(List<Endpoint> answer, long now) {
    State was = state;
    int tries = was.error() == null ? was.tries() + 1 : 1;
    long pause = Math.min(LATEST_LOOK, (long) FIRST_LOOK << Math.min(tries - 1, 10));
    state = new State(List.copyOf(answer), null, now, tries, now + pause * SECOND);
  }

  /** Notes that the peer answers: its name need not be asked for before {@code next}. */
  void heard(long next) {
    State was = state;
    state = new State(was.answer(), null, was.since(), 0, next);
  }

  NameView view(long now) {
    State is = state;
    String error = is.error();
    return new NameView(
        peer.label(),
        peer.endpoint(),
        is.answer().stream().map(Endpoint::toString).toList(),
        error,
        (now - is.since()) / SECOND,
        error == null ? null : Math.max(0, (is.nextTry() - now) / SECOND));
  }
}
