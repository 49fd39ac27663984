// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Copies of plain packets that wait for a session, oldest first, bounded. Thread-safe. */
public final class StagedQueue {
  /** The most packets that one peer may stage. */
  public static final int CAPACITY = 128;

  private final StagingBudget budget;
  private final ArrayDeque<byte[]> packets = new ArrayDeque<>();
  private boolean closed;

  public StagedQueue(StagingBudget budget) {
    this.budget = budget;
  }

  /**
   * Adds a packet; if there is no room, drops this peer's oldest packet or else the new one.
   *
   * @return the number of dropped packets
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

  /** Removes and returns the oldest packet; null if there is none. */
  public synchronized byte @Nullable [] poll() {
    return packets.isEmpty() ? null : removeOldest();
  }

  /** The packets now, oldest first. */
  public synchronized List<byte[]> packets() {
    return List.copyOf(packets);
  }

  public synchronized boolean isEmpty() {
    return packets.isEmpty();
  }

  /**
   * Drops all packets.
   *
   * @return their number
   */
  public synchronized int clear() {
    int dropped = packets.size();
    while (!packets.isEmpty()) {
      removeOldest();
    }
    return dropped;
  }

  /** Drops all packets, and refuses those that a lane which still has the peer would add. */
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
