// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/**
 * The jump of every send counter when another process continues a session. The state has the next
 * counter that is free, so no jump is needed; it is there in case that counter is wrong, since a
 * nonce that is used twice under one key gives away the plaintexts and the authentication key.
 */
public final class SafetyJump {
  /**
   * More packets than a node sends in the time of a hand-over: ten million packets per second for a
   * tenth of a second. A counter of 64 bits bears trillions of such jumps.
   */
  public static final long PACKETS = 1 << 20;

  /**
   * The jump of a process that gave its state away and goes on, since the other one died. It also
   * leaves out the counters that the other one would have begun with.
   */
  public static final long PACKETS_OF_THE_FORMER = 2 * PACKETS;

  private SafetyJump() {}

  /**
   * The counter after a jump, never past {@code limit}; all unsigned.
   *
   * @param counter the next free one
   * @param limit the first counter that must not be used
   */
  public static long ahead(long counter, long packets, long limit) {
    return Long.compareUnsigned(counter, limit) >= 0
            || Long.compareUnsigned(limit - counter, packets) < 0
        ? limit
        : counter + packets;
  }
}
