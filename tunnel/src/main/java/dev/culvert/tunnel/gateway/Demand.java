package dev.culvert.tunnel.gateway;

import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * The rests of the thread that warms the fast ciphers: short while the lanes carry traffic that
 * wants them, long while nobody has asked for the seconds of a processor that this takes.
 */
final class Demand {
  /** How often traffic is looked for. */
  static final long LOOK_NANOS = CipherChoice.REST_NANOS;

  /** Without traffic, a spell of work comes so seldom: under a fortieth of one processor. */
  static final int MOST_LOOKS = 50;

  /** Packets between two looks that are traffic: more than pings, handshakes and keepalives. */
  static final long TRAFFIC = 64;

  private final LongSupplier packets;
  private final LongConsumer sleepNanos;
  private final BooleanSupplier ended;
  private long before;

  /**
   * @param packets moved so far
   * @param ended cuts a rest short
   */
  Demand(LongSupplier packets, LongConsumer sleepNanos, BooleanSupplier ended) {
    this.packets = packets;
    this.sleepNanos = sleepNanos;
    this.ended = ended;
    before = packets.getAsLong();
  }

  /** Rests until there is traffic, one look at least. */
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
