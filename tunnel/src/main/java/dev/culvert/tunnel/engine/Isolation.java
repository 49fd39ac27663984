// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.function.Consumer;

/**
 * Runs work for one peer after another so that a fault in one does not stop the others: it is
 * counted and reported, and the next goes on. For the control side.
 */
public final class Isolation {
  private final DropCounters drops;
  private final Consumer<? super TunnelEvent> events;

  /**
   * @param events receives each failure
   */
  public Isolation(DropCounters drops, Consumer<? super TunnelEvent> events) {
    this.drops = drops;
    this.events = events;
  }

  /**
   * Runs {@code work}.
   *
   * @param peer the peer's name as in events; empty if unknown
   * @return true if the work did not fail
   */
  public boolean run(String peer, Runnable work) {
    try {
      work.run();
      return true;
    } catch (RuntimeException e) {
      drops.count(DropReason.INTERNAL_ERROR);
      events.accept(new TunnelEvent.WorkFailed(peer, e));
      return false;
    }
  }
}
