// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * The peers that are to be greeted: asked for a session before there is traffic. Two nodes rarely
 * learn of each other at the same moment, and the first one's handshake is refused meanwhile; when
 * the second one greets, both can send.
 *
 * <p>Each peer's turn comes at a random time, within a span that grows with the number of peers. So
 * a node that starts sends about {@link #PER_SECOND} greetings per second, and a new node, of which
 * all others learn at the same moment, receives about as many.
 *
 * <p>Belongs to the control thread, except {@link #nextNanos}.
 *
 * @param <P> the type of peer
 */
public final class Greetings<P> {
  /**
   * A handshake takes either end less than a millisecond of processor time, so this is less than
   * half of one processor. All of 5,000 peers are greeted within 10 s, before the 15 s after which
   * peers that still send under an old session begin a handshake themselves.
   */
  public static final int PER_SECOND = 500;

  private static final long NEVER = Long.MAX_VALUE;
  private static final long APART = TimeUnit.SECONDS.toNanos(1) / PER_SECOND;

  /**
   * Turns are this far apart, with some ten peers each, since an engine of thousands of peers looks
   * at all their timers as rarely.
   */
  private static final long TURN = TimeUnit.MILLISECONDS.toNanos(20);

  private final RandomGenerator random;
  private final List<P> added = new ArrayList<>();
  private final Queue<Turn<P>> turns = new PriorityQueue<>(Comparator.comparingLong(Turn::at));
  private volatile long next = NEVER;

  private record Turn<P>(P peer, long at) {}

  public Greetings(RandomGenerator random) {
    this.random = random;
  }

  /** Gives a peer its turn, counted from the next {@link #advance}. */
  public void add(P peer) {
    added.add(peer);
    next = Long.MIN_VALUE;
  }

  /**
   * The time at which {@link #advance} has work: monotonic nanoseconds, {@code Long.MAX_VALUE} for
   * never. Thread-safe.
   */
  public long nextNanos() {
    return next;
  }

  /**
   * Greets the peers whose turn has come.
   *
   * @param peers the number of all peers; up to ten are greeted at once
   * @param most the most greetings, so that other work gets its turn
   */
  public void advance(long nowNanos, int peers, int most, Consumer<? super P> greet) {
    if (nowNanos < next) {
      return;
    }
    for (P peer : added) {
      long wait = random.nextLong(1 + APART * peers);
      turns.add(new Turn<>(peer, nowNanos + wait / TURN * TURN));
    }
    added.clear();
    for (int i = 0; i < most && nextTurn() <= nowNanos; i++) {
      greet.accept(turns.remove().peer());
    }
    next = nextTurn();
  }

  /** The peers that still have to be greeted. */
  public Set<P> waiting() {
    Set<P> waiting = new HashSet<>(added);
    turns.forEach(turn -> waiting.add(turn.peer()));
    return waiting;
  }

  private long nextTurn() {
    Turn<P> first = turns.peek();
    return first == null ? NEVER : first.at();
  }
}
