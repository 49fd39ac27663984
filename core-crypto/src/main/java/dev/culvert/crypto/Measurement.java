// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import dev.culvert.crypto.AeadBackends.Candidate;
import dev.culvert.crypto.AeadBackends.Meters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * How fast backends seal a train as the packet path has it: 46 packets of 1420 bytes in native
 * memory. Each backend counts with its best train.
 *
 * <p>The backends take turns in rounds that grow, since the JVM compiles a cipher only after some
 * tens of thousands of packets: before that, AES-GCM of the JDK is a hundred times slower and would
 * lose against everything. The length of a round is a number of packets, not a time, since a busy
 * machine would seal fewer packets in that time. Another round follows while the last one still
 * made a backend much faster. A few more trains, sealed and opened, then show how many bytes that
 * allocates.
 */
final class Measurement {
  static final int PACKETS = 46;
  static final int LENGTH = 1420;

  private static final int STRIDE = LENGTH + TrainCipher.TAG_LENGTH;
  private static final int GROWING_ROUNDS = 4;
  private static final int MOST_ROUNDS = 6;
  private static final int FIRST_ROUND_TRAINS = 20;
  private static final int WEIGHED_TRAINS = 20;

  private final AeadBackend backend;
  private final TrainCipher cipher;
  private final AeadKey key;
  private final PacketRun run;
  private final LongSupplier nanoClock;
  private final LongSupplier allocatedBytes;
  private long best = Long.MAX_VALUE;

  private Measurement(AeadBackend backend, AeadKey key, PacketRun run, Meters meters) {
    this.backend = backend;
    this.cipher = backend.newTrainCipher(key.algorithm());
    this.key = key;
    this.run = run;
    this.nanoClock = meters.nanoClock();
    this.allocatedBytes = meters.allocatedBytes();
  }

  /**
   * The figures of each backend, in their order. Takes a few hundred ms, several times that on a
   * busy machine.
   */
  static List<Candidate> of(List<AeadBackend> backends, AeadAlgorithm algorithm, Meters meters) {
    SecretBytes zeros = SecretBytes.owning(new byte[32]);
    try (Arena arena = Arena.ofConfined();
        AeadKey key = new AeadKey(algorithm, zeros, NonceLayout.LITTLE_ENDIAN_COUNTER, 0)) {
      MemorySegment memory = arena.allocate((long) PACKETS * STRIDE);
      PacketRun run = new PacketRun().at(memory, 0, STRIDE).of(PACKETS, LENGTH, LENGTH);
      List<Measurement> measurements =
          backends.stream().map(b -> new Measurement(b, key, run, meters)).toList();
      boolean settled = false;
      for (int round = 0; round < GROWING_ROUNDS || (!settled && round < MOST_ROUNDS); round++) {
        settled = true;
        for (Measurement measurement : measurements) {
          settled &=
              measurement.settlesIn(FIRST_ROUND_TRAINS << Math.min(round, GROWING_ROUNDS - 1));
        }
      }
      return measurements.stream().map(Measurement::figures).toList();
    }
  }

  /**
   * Seals {@code trains} trains; false if one of them took less than two thirds of the best before.
   */
  private boolean settlesIn(int trains) {
    long bestBefore = best;
    long before = nanoClock.getAsLong();
    for (int train = 0; train < trains; train++) {
      cipher.seal(key, run.counting(run.firstCounter() + PACKETS));
      long after = nanoClock.getAsLong();
      best = Math.min(best, after - before);
      before = after;
    }
    return best >= bestBefore / 3 * 2;
  }

  private Candidate figures() {
    return new Candidate(backend.name(), null, best / PACKETS, bytesPerPacket());
  }

  /** Bytes that sealing and opening one packet allocate, rounded up. */
  private long bytesPerPacket() {
    long before = allocatedBytes.getAsLong();
    for (int train = 0; train < WEIGHED_TRAINS; train++) {
      cipher.seal(key, run.counting(run.firstCounter() + PACKETS));
      cipher.open(key, run);
    }
    return Math.ceilDiv(allocatedBytes.getAsLong() - before, (long) WEIGHED_TRAINS * PACKETS);
  }
}
