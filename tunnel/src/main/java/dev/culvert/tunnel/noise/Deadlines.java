package dev.culvert.tunnel.noise;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The earliest deadline of all peers, never too late, perhaps too early (a timer that was since
 * cancelled). A lane first stores its timer, then lowers this; the control thread first forgets
 * this, then reads all timers. Both being volatile, one of the two always sees the other.
 */
public final class Deadlines {
  public static final long NEVER = Long.MAX_VALUE;

  private final AtomicLong earliest = new AtomicLong(NEVER);

  public long earliest() {
    return earliest.get();
  }

  /** Makes sure that {@code deadline} is not missed. Any thread. */
  public void include(long deadline) {
    long now = earliest.get();
    while (deadline < now && !earliest.compareAndSet(now, deadline)) {
      now = earliest.get();
    }
  }

  /** Forgets all; the control thread then includes what it still finds. */
  public void forget() {
    earliest.set(NEVER);
  }
}
