package dev.culvert.tunnel.engine;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** Copies of plain packets that wait for a session, oldest first, bounded. Any thread. */
public final class StagedQueue {
  /** Most packets that one peer may stage. */
  public static final int CAPACITY = 128;

  private final StagingBudget budget;
  private final ArrayDeque<byte[]> packets = new ArrayDeque<>();
  private boolean closed;

  public StagedQueue(StagingBudget budget) {
    this.budget = budget;
  }

  /**
   * Adds a packet; where there is no room, the oldest of this peer goes, or else this one.
   *
   * @return how many packets were dropped
   */
  public synchronized int add(byte[] packet) {
    if (closed) {
      return 1;
    }
    int dropped = 0;
    if (packets.size() == CAPACITY) {
      removeOldest();
      dropped++;
    }
    while (!budget.take(packet.length)) {
      if (packets.isEmpty()) {
        return dropped + 1;
      }
      removeOldest();
      dropped++;
    }
    packets.add(packet);
    return dropped;
  }

  /** The oldest packet, now the caller's; null where there is none. */
  public synchronized byte @Nullable [] poll() {
    return packets.isEmpty() ? null : removeOldest();
  }

  public synchronized boolean isEmpty() {
    return packets.isEmpty();
  }

  /**
   * Drops all.
   *
   * @return how many there were
   */
  public synchronized int clear() {
    int dropped = packets.size();
    while (!packets.isEmpty()) {
      removeOldest();
    }
    return dropped;
  }

  /** Drops all, and whatever a lane that still knows the peer would add. */
  public synchronized int close() {
    closed = true;
    return clear();
  }

  private byte[] removeOldest() {
    byte[] oldest = packets.remove();
    budget.giveBack(oldest.length);
    return oldest;
  }
}
