// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import dev.culvert.crypto.PacketRun;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Poly1305 of one packet: eight of its blocks abreast, lane {@code i} sums up blocks {@code i, i +
 * 8, i + 16...} in steps of r^8. The last step multiplies with r^8, r^7... r^1 instead, and the sum
 * of all lanes is the packet's.
 */
final class PacketMac {
  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_512;
  private static final int CHUNK_BYTES = 64;
  private static final int BLOCK_BYTES = 16;
  private static final int BLOCK_LONGS = 2;
  private static final int STEP = Poly1305.LANES * BLOCK_LONGS;
  private static final int USUAL_PACKET = 2048;

  /**
   * Shuffles that choose from two vectors the lower halves of eight blocks, and the upper halves.
   */
  private static final LongVector LOWER_HALVES =
      LongVector.fromArray(Poly1305.ROW, new long[] {0, 2, 4, 6, 8, 10, 12, 14}, 0);

  private static final LongVector UPPER_HALVES =
      LongVector.fromArray(Poly1305.ROW, new long[] {1, 3, 5, 7, 9, 11, 13, 15}, 0);

  private static final LongVector LANE = LongVector.zero(Poly1305.ROW).addIndex(1);

  /** r in every lane. */
  private final long[] r = new long[Poly1305.FACTOR];

  /** r^8 in every lane. */
  private final long[] step = new long[Poly1305.FACTOR];

  /** r^8 in lane 0, down to r in lane 7. */
  private final long[] powers = new long[Poly1305.FACTOR];

  private final long[] key = new long[Poly1305.BLOCK];
  private final long[] pads = new long[Poly1305.BLOCK];
  private final long[] sum = new long[Poly1305.NUMBER];
  private final long[] tags = new long[Poly1305.BLOCK];

  /** The authenticated message: empty blocks up to a whole step, AAD, packet, lengths. */
  private long[] message = new long[USUAL_PACKET / Long.BYTES];

  /**
   * The tag of one packet.
   *
   * @param macKeys as {@link Keystream#macKeys} has them
   * @param to gets the lower half at {@code lane}, the upper half a row on
   */
  void tag(PacketRun run, int packet, int[] macKeys, long[] to, int lane) {
    int length = run.lengthOf(packet);
    int blocks = blocks(run.aadLength()) + blocks(length) + 1;
    int steps = (blocks + Poly1305.LANES - 1) / Poly1305.LANES;
    int missing = steps * Poly1305.LANES - blocks;
    gather(run, packet, length, steps, missing);
    useKey(macKeys, packet);
    start(missing);
    Poly1305.absorb(message, 0, steps - 1, Poly1305.BLOCK_BIT, step, sum);
    Poly1305.absorb(message, (steps - 1) * STEP, 1, Poly1305.BLOCK_BIT, powers, sum);
    Poly1305.addLanes(sum);
    Poly1305.finish(sum, pads, tags);
    to[lane] = tags[0];
    to[Poly1305.LANES + lane] = tags[Poly1305.LANES];
  }

  private static int blocks(int bytes) {
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
  }

  private void gather(PacketRun run, int packet, int length, int steps, int missing) {
    int longs = steps * STEP;
    // Copying may run over the end by one vector.
    if (message.length < longs + Poly1305.LANES) {
      message = new long[longs + Poly1305.LANES];
    }
    Poly1305.fill(message, 0, STEP / Poly1305.LANES, 0);
    int at = missing * BLOCK_LONGS;
    int aadLength = run.aadLength();
    if (aadLength > 0) {
      copy(run.memory(), run.aadOffset() + packet * run.aadStride(), aadLength, message, at);
      at += blocks(aadLength) * BLOCK_LONGS;
    }
    copy(run.memory(), run.offset() + packet * run.stride(), length, message, at);
    message[longs - 2] = aadLength;
    message[longs - 1] = length;
    separateHalves(message, steps);
  }

  /**
   * Copies the bytes and, if the last 16-byte block is not whole, pads it with zeros up to a whole
   * vector.
   */
  private static void copy(MemorySegment memory, long from, int length, long[] to, int at) {
    int whole = length / CHUNK_BYTES;
    for (int i = 0; i < whole; i++) {
      LongVector.fromMemorySegment(
              Poly1305.ROW, memory, from + (long) i * CHUNK_BYTES, ByteOrder.LITTLE_ENDIAN)
          .intoArray(to, at + i * Poly1305.LANES);
    }
    int rest = length % CHUNK_BYTES;
    if (rest > 0) {
      VectorMask<Byte> inside = BYTES.indexInRange(0, rest);
      ByteVector.fromMemorySegment(
              BYTES, memory, from + length - rest, ByteOrder.LITTLE_ENDIAN, inside)
          .reinterpretAsLongs()
          .intoArray(to, at + whole * Poly1305.LANES);
    }
  }

  private static void separateHalves(long[] message, int steps) {
    for (int at = 0; at < steps * STEP; at += STEP) {
      LongVector a = LongVector.fromArray(Poly1305.ROW, message, at);
      LongVector b = LongVector.fromArray(Poly1305.ROW, message, at + Poly1305.LANES);
      LOWER_HALVES.selectFrom(a, b).intoArray(message, at);
      UPPER_HALVES.selectFrom(a, b).intoArray(message, at + Poly1305.LANES);
    }
  }

  private void useKey(int[] macKeys, int packet) {
    Poly1305.fill(key, 0, 1, keyLong(macKeys, packet, 0));
    Poly1305.fill(key, Poly1305.LANES, 1, keyLong(macKeys, packet, 2));
    Poly1305.clampToFactor(key, r);
    Poly1305.fill(pads, 0, 1, keyLong(macKeys, packet, 4));
    Poly1305.fill(pads, Poly1305.LANES, 1, keyLong(macKeys, packet, 6));
    Poly1305.powers(r, powers, step);
  }

  private static long keyLong(int[] macKeys, int packet, int row) {
    int at = row * ChaCha20.LANES + packet;
    return Integer.toUnsignedLong(macKeys[at]) | (long) macKeys[at + ChaCha20.LANES] << 32;
  }

  /**
   * Sets the sums to zero. The first {@code missing} lanes have no block in the first step: they
   * start at minus the bit that stands behind every block, and so stay zero.
   */
  private void start(int missing) {
    Poly1305.fill(sum, 0, Poly1305.NUMBER_ROWS - 1, 0);
    LongVector.zero(Poly1305.ROW)
        .blend(-Poly1305.BLOCK_BIT, LANE.compare(VectorOperators.LT, missing))
        .intoArray(sum, (Poly1305.NUMBER_ROWS - 1) * Poly1305.LANES);
  }

  /** Overwrites all traces of a key, and the message. */
  void forget() {
    Arrays.fill(r, 0);
    Arrays.fill(step, 0);
    Arrays.fill(powers, 0);
    Arrays.fill(key, 0);
    Arrays.fill(pads, 0);
    Arrays.fill(sum, 0);
    Arrays.fill(tags, 0);
    Arrays.fill(message, 0);
  }
}
