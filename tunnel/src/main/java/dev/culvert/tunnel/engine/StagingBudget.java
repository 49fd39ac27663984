// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/**
 * The memory that all peers together may use for staging, so that a flood to dead peers does not
 * fill the heap.
 */
public final class StagingBudget {
  public static final int MAX_PACKETS = 8192;
  public static final int MAX_BYTES = 16 << 20;

  private int packets;
  private long bytes;

  synchronized boolean take(int length) {
    if (packets >= MAX_PACKETS || bytes + length > MAX_BYTES) {
      return false;
    }
    packets++;
    bytes += length;
    return true;
  }

  /** Packets staged now, for all peers. */
  public synchronized int packets() {
    return packets;
  }

  synchronized void giveBack(int length) {
    packets--;
    bytes -= length;
  }
}
