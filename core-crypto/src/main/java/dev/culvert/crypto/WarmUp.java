// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import dev.culvert.crypto.AeadBackends.Meters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * Runs a backend until the JVM has compiled it: trains of many shapes, sealed and opened, so that
 * the compiled code fits all shapes and the JVM does not discard it when a new shape comes.
 */
final class WarmUp {
  private static final int MAX_LENGTH = 1420;
  private static final int STRIDE = MAX_LENGTH + TrainCipher.TAG_LENGTH;
  private static final int AAD_LENGTH = 8;

  private static final int[] PACKETS = {46, 1, 17, 64, 3, 8};
  private static final int[] LENGTHS = {MAX_LENGTH, 64, 600, 1, 128, MAX_LENGTH - 13};

  /**
   * The time between two measurements of the progress. A rest of about the same length follows
   * each, since the JVM compiles then, and running code that is not compiled yet would only take
   * the processor away from the compiler.
   */
  private static final long SPELL_NANOS = 100_000_000;

  /**
   * The backend is warm after this many spells in a row that made it no faster, if the last
   * allocated nothing.
   */
  private static final int IDLE_SPELLS = 3;

  /**
   * After this many spells without progress, the backend is as warm as it gets: if it still
   * allocates, it will not stop.
   */
  private static final int MOST_IDLE_SPELLS = 2 * IDLE_SPELLS;

  /** The same for a backend that starts slowly: a busy compiler needs seconds for one method. */
  private static final int MOST_IDLE_SPELLS_OF_SLOW = 10 * IDLE_SPELLS;

  /** The kinds of rounds, see {@link #spell}. */
  private static final int KINDS = 4;

  private final TrainCipher cipher;
  private final MemorySegment memory;
  private final LongSupplier nanoClock;
  private final PacketRun run = new PacketRun();
  private final long[] best = new long[KINDS];
  private final long[] fastest = new long[KINDS];
  private long counter;

  private WarmUp(TrainCipher cipher, MemorySegment memory, LongSupplier nanoClock) {
    this.cipher = cipher;
    this.memory = memory;
    this.nanoClock = nanoClock;
    Arrays.fill(best, Long.MAX_VALUE);
  }

  /**
   * Runs the backend until it gets no faster and allocates nothing, or for {@code mostNanos}
   * nanoseconds without the rests.
   */
  static void run(AeadBackend backend, AeadAlgorithm algorithm, Meters meters, long mostNanos) {
    LongSupplier nanoClock = meters.nanoClock();
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    try (Arena arena = Arena.ofConfined();
        AeadKey littleEndian = key(algorithm, NonceLayout.LITTLE_ENDIAN_COUNTER);
        AeadKey bigEndian = key(algorithm, NonceLayout.BIG_ENDIAN_COUNTER)) {
      MemorySegment memory = arena.allocate(AAD_LENGTH + (long) PacketRun.MAX_PACKETS * STRIDE);
      WarmUp warmUp = new WarmUp(cipher, memory, nanoClock);
      int mostIdle = backend.startsSlowly() ? MOST_IDLE_SPELLS_OF_SLOW : MOST_IDLE_SPELLS;
      long spent = 0;
      int idle = 0;
      long allocated = 0;
      while (idle < (allocated == 0 ? IDLE_SPELLS : mostIdle) && spent < mostNanos) {
        meters.rest().run();
        long before = meters.allocatedBytes().getAsLong();
        long start = nanoClock.getAsLong();
        idle = warmUp.spell(littleEndian, bigEndian) ? 0 : idle + 1;
        spent += nanoClock.getAsLong() - start;
        allocated = meters.allocatedBytes().getAsLong() - before;
      }
    }
    cipher.forgetKeys();
  }

  /** Runs one spell and returns whether a kind of rounds got faster by an eighth. */
  private boolean spell(AeadKey littleEndian, AeadKey bigEndian) {
    Arrays.fill(fastest, Long.MAX_VALUE);
    long start = nanoClock.getAsLong();
    do {
      // The first two are WireGuard's. A train's last packet is often shorter.
      time(0, littleEndian, 0, true);
      time(1, littleEndian, 0, false);
      time(2, littleEndian, AAD_LENGTH, false);
      time(3, bigEndian, AAD_LENGTH, false);
    } while (nanoClock.getAsLong() - start < SPELL_NANOS);
    boolean faster = false;
    for (int kind = 0; kind < KINDS; kind++) {
      faster |= fastest[kind] < best[kind] / 8 * 7;
      best[kind] = Math.min(best[kind], fastest[kind]);
    }
    return faster;
  }

  private void time(int kind, AeadKey key, int aadLength, boolean alike) {
    long start = nanoClock.getAsLong();
    round(key, aadLength, alike);
    fastest[kind] = Math.min(fastest[kind], nanoClock.getAsLong() - start);
  }

  private void round(AeadKey key, int aadLength, boolean alike) {
    for (int packets : PACKETS) {
      for (int length : LENGTHS) {
        run.at(memory, AAD_LENGTH, STRIDE)
            .of(packets, length, alike ? length : length / 2)
            .counting(counter)
            .authenticating(0, 0, aadLength);
        counter += packets;
        cipher.seal(key, run);
        cipher.open(key, run);
      }
    }
  }

  private static AeadKey key(AeadAlgorithm algorithm, NonceLayout layout) {
    return new AeadKey(algorithm, SecretBytes.owning(new byte[32]), layout, 0);
  }
}
