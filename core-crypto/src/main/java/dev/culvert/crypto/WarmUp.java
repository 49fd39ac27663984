package dev.culvert.crypto;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;

/**
 * Runs a backend until the JVM has compiled it: trains of many shapes, both ways, so that what is
 * compiled fits all of them and is not thrown away when the first other shape comes.
 */
final class WarmUp {
  private static final int MAX_LENGTH = 1420;
  private static final int STRIDE = MAX_LENGTH + TrainCipher.TAG_LENGTH;
  private static final int AAD_LENGTH = 8;

  private static final int[] PACKETS = {46, 1, 17, 64, 3, 8};
  private static final int[] LENGTHS = {MAX_LENGTH, 64, 600, 1, 128, MAX_LENGTH - 13};

  private WarmUp() {}

  /** At least one round of all shapes, then on until {@code budgetNanos} have passed. */
  static void run(
      AeadBackend backend, AeadAlgorithm algorithm, LongSupplier nanoClock, long budgetNanos) {
    TrainCipher cipher = backend.newTrainCipher(algorithm);
    try (Arena arena = Arena.ofConfined();
        AeadKey littleEndian = key(algorithm, NonceLayout.LITTLE_ENDIAN_COUNTER);
        AeadKey bigEndian = key(algorithm, NonceLayout.BIG_ENDIAN_COUNTER)) {
      MemorySegment memory = arena.allocate(AAD_LENGTH + (long) PacketRun.MAX_PACKETS * STRIDE);
      PacketRun run = new PacketRun();
      long start = nanoClock.getAsLong();
      long counter = 0;
      for (int round = 0; round == 0 || nanoClock.getAsLong() - start < budgetNanos; round++) {
        AeadKey key = round % 4 == 3 ? bigEndian : littleEndian;
        int aadLength = round % 4 == 1 ? AAD_LENGTH : 0;
        for (int packets : PACKETS) {
          for (int length : LENGTHS) {
            run.at(memory, AAD_LENGTH, STRIDE)
                .of(packets, length, round % 2 == 0 ? length : length / 2)
                .counting(counter)
                .authenticating(0, 0, aadLength);
            counter += packets;
            cipher.seal(key, run);
            cipher.open(key, run);
          }
        }
      }
    }
    cipher.forgetKeys();
  }

  private static AeadKey key(AeadAlgorithm algorithm, NonceLayout layout) {
    return new AeadKey(algorithm, SecretBytes.owning(new byte[32]), layout, 0);
  }
}
