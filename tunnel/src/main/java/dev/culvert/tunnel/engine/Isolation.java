package dev.culvert.tunnel.engine;

import java.util.function.Consumer;

/**
 * Does work for one peer after another so that a fault in one costs no other its turn: it is
 * counted and told, and the next goes on. For the control side.
 */
public final class Isolation {
  private final DropCounters drops;
  private final Consumer<? super TunnelEvent> events;

  /**
   * @param events told of each failure
   */
  public Isolation(DropCounters drops, Consumer<? super TunnelEvent> events) {
    this.drops = drops;
    this.events = events;
  }

  /**
   * Does {@code work}.
   *
   * @param peer whom it is for, as events name it; empty if nobody knows
   * @return whether it did not fail
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
