package dev.culvert.crypto;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;

/**
 * How fast a backend seals a train as the packet path has it: 46 packets of 1420 bytes in native
 * memory. The best of many trains counts, since the first ones run before the JVM has compiled
 * them.
 */
final class Measurement {
  static final int PACKETS = 46;
  static final int LENGTH = 1420;

  private static final int STRIDE = LENGTH + TrainCipher.TAG_LENGTH;
  private static final int MINIMUM_TRAINS = 8;
  private static final int MAXIMUM_TRAINS = 100_000;
  private static final long BUDGET_NANOS = 20_000_000;

  private Measurement() {}

  static long nanosPerPacket(AeadBackend backend, AeadAlgorithm algorithm, LongSupplier nanoClock) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    PacketRun run = new PacketRun();
    long best = Long.MAX_VALUE;
    try (Arena arena = Arena.ofConfined();
        AeadKey key =
            new AeadKey(
                algorithm,
                SecretBytes.owning(new byte[32]),
                NonceLayout.LITTLE_ENDIAN_COUNTER,
                0)) {
      MemorySegment memory = arena.allocate((long) PACKETS * STRIDE);
      long start = nanoClock.getAsLong();
      long before = start;
      for (int train = 0; train < MAXIMUM_TRAINS; train++) {
        run.at(memory, 0, STRIDE).of(PACKETS, LENGTH, LENGTH).counting((long) train * PACKETS);
        cipher.seal(key, run);
        long after = nanoClock.getAsLong();
        best = Math.min(best, after - before);
        before = after;
        if (train >= MINIMUM_TRAINS && after - start > BUDGET_NANOS) {
          break;
        }
      }
    }
    return best / PACKETS;
  }
}
