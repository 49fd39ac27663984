// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * The rests of the thread that warms the fast ciphers: short while the lanes carry traffic, which
 * needs fast ciphers, and long without traffic, since warming takes seconds of processor time.
 */
final class Demand {
  /** The interval of checks for traffic. */
  static final long LOOK_NANOS = CipherChoice.REST_NANOS;

  /**
   * The most checks before a spell of work without traffic, which then takes less than a fortieth
   * of one processor.
   */
  static final int MOST_LOOKS = 50;

  /**
   * The number of packets between two checks that counts as traffic: more than pings, handshakes
   * and keepalives.
   */
  static final long TRAFFIC = 64;

  private final LongSupplier packets;
  private final LongConsumer sleepNanos;
  private final BooleanSupplier ended;
  private long before;

  /**
   * @param packets returns the number of packets moved so far
   * @param ended returns true to cut a rest short
   */
  Demand(LongSupplier packets, LongConsumer sleepNanos, BooleanSupplier ended) {
    this.packets = packets;
    this.sleepNanos = sleepNanos;
    this.ended = ended;
    before = packets.getAsLong();
  }

  /** Rests until there is traffic, for at least one check. */
  void rest() {
    for (int looks = 0; looks < MOST_LOOKS && !ended.getAsBoolean(); looks++) {
      sleepNanos.accept(LOOK_NANOS);
      long now = packets.getAsLong();
      boolean traffic = now - before >= TRAFFIC;
      before = now;
      if (traffic) {
        return;
      }
    }
  }
}
