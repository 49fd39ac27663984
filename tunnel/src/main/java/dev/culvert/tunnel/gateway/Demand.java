// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * Tells the thread that works beside a new gateway whether there is traffic, and gives its work on
 * the ciphers rests: short ones with traffic, which needs fast ciphers, or if the work is to be
 * done before; else long ones, since that work takes seconds of processor time.
 */
final class Demand {
  /** The interval of checks for traffic. */
  static final long LOOK_NANOS = CipherChoice.REST_NANOS;

  /**
   * The most checks in a rest, if the work has time: without traffic it takes a fiftieth of one
   * processor.
   */
  static final int PATIENT = 50;

  /** The same if the work is to be done before traffic comes. */
  static final int HURRIED = 1;

  /**
   * The number of packets between two checks that counts as traffic: more than pings, handshakes
   * and keepalives.
   */
  static final long TRAFFIC = 64;

  private final LongSupplier packets;
  private final LongSupplier nanoClock;
  private final LongConsumer sleepNanos;
  private final BooleanSupplier ended;
  private final int mostLooks;
  private long before;
  private long lookedAt;
  private boolean traffic;

  /**
   * @param packets returns the number of packets moved so far
   * @param nanoClock nanoseconds of any origin
   * @param ended returns true to cut a rest short
   * @param mostLooks the most checks in a rest
   */
  Demand(
      LongSupplier packets,
      LongSupplier nanoClock,
      LongConsumer sleepNanos,
      BooleanSupplier ended,
      int mostLooks) {
    this.packets = packets;
    this.nanoClock = nanoClock;
    this.sleepNanos = sleepNanos;
    this.ended = ended;
    this.mostLooks = mostLooks;
    before = packets.getAsLong();
    lookedAt = nanoClock.getAsLong();
  }

  /** Rests until there is traffic, for at least one check. */
  void rest() {
    for (int looks = 0; looks < mostLooks && !ended.getAsBoolean(); looks++) {
      sleepNanos.accept(LOOK_NANOS);
      if (hasTraffic()) {
        return;
      }
    }
  }

  /** Whether there is traffic, or the gateway ends. May be called at any rate. */
  boolean isThere() {
    return ended.getAsBoolean() || hasTraffic();
  }

  private boolean hasTraffic() {
    long passed = nanoClock.getAsLong() - lookedAt;
    if (passed >= LOOK_NANOS) {
      long now = packets.getAsLong();
      traffic = (now - before) * LOOK_NANOS >= TRAFFIC * passed;
      before = now;
      lookedAt += passed;
    }
    return traffic;
  }
}
