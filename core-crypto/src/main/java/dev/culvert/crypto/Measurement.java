package dev.culvert.crypto;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * How fast backends seal a train as the packet path has it: 46 packets of 1420 bytes in native
 * memory. Of each backend its best train counts.
 *
 * <p>The backends take turns in rounds that grow, since the JVM compiles a cipher only after it has
 * run for a while: AES-GCM of the JDK is a hundred times slower in its first 100 ms, when it would
 * lose against everything. Rounds have a least number of trains as well as a least time, since a
 * busy machine compiles later.
 */
final class Measurement {
  static final int PACKETS = 46;
  static final int LENGTH = 1420;

  private static final int STRIDE = LENGTH + TrainCipher.TAG_LENGTH;
  private static final int ROUNDS = 4;
  private static final long FIRST_ROUND_NANOS = 10_000_000;
  private static final int FIRST_ROUND_TRAINS = 8;

  /** Ends a round when the clock stands still. */
  private static final int MOST_TRAINS = 20_000;

  private final TrainCipher cipher;
  private final AeadKey key;
  private final PacketRun run;
  private final LongSupplier nanoClock;
  private long best = Long.MAX_VALUE;

  private Measurement(TrainCipher cipher, AeadKey key, PacketRun run, LongSupplier nanoClock) {
    this.cipher = cipher;
    this.key = key;
    this.run = run;
    this.nanoClock = nanoClock;
  }

  /** Nanoseconds a packet of each backend, in their order. Takes about 150 ms a backend. */
  static long[] nanosPerPacket(
      List<AeadBackend> backends, AeadAlgorithm algorithm, LongSupplier nanoClock) {
    SecretBytes zeros = SecretBytes.owning(new byte[32]);
    try (Arena arena = Arena.ofConfined();
        AeadKey key = new AeadKey(algorithm, zeros, NonceLayout.LITTLE_ENDIAN_COUNTER, 0)) {
      MemorySegment memory = arena.allocate((long) PACKETS * STRIDE);
      PacketRun run = new PacketRun().at(memory, 0, STRIDE).of(PACKETS, LENGTH, LENGTH);
      List<Measurement> measurements =
          backends.stream()
              .map(b -> new Measurement(b.newTrainCipher(algorithm), key, run, nanoClock))
              .toList();
      for (int round = 0; round < ROUNDS; round++) {
        for (Measurement measurement : measurements) {
          measurement.round(FIRST_ROUND_NANOS << round, FIRST_ROUND_TRAINS << round);
        }
      }
      return measurements.stream().mapToLong(m -> m.best / PACKETS).toArray();
    }
  }

  private void round(long nanos, int leastTrains) {
    long start = nanoClock.getAsLong();
    long before = start;
    for (int train = 1; train <= MOST_TRAINS; train++) {
      cipher.seal(key, run.counting(run.firstCounter() + PACKETS));
      long after = nanoClock.getAsLong();
      best = Math.min(best, after - before);
      before = after;
      if (train >= leastTrains && after - start >= nanos) {
        return;
      }
    }
  }
}
