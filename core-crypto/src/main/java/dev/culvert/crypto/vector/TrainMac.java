// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.culvert.crypto.PacketRun;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** Poly1305 of up to eight packets of equal length without associated data, one packet per lane. */
final class TrainMac {
  static final int PACKETS = Poly1305.LANES;

  private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_512;

  /** Bytes of each packet that are transposed at once: four blocks. */
  private static final int SLAB_BYTES = 64;

  private static final int SLAB = 4 * Poly1305.BLOCK;
  private static final int SLABS_BYTES = 2 * SLAB_BYTES;

  private static final LongVector LOWER_1 = LongVector.fromArray(Poly1305.ROW, lower(1), 0);
  private static final LongVector UPPER_1 = LongVector.fromArray(Poly1305.ROW, upper(1), 0);
  private static final LongVector LOWER_2 = LongVector.fromArray(Poly1305.ROW, lower(2), 0);
  private static final LongVector UPPER_2 = LongVector.fromArray(Poly1305.ROW, upper(2), 0);
  private static final LongVector LOWER_4 = LongVector.fromArray(Poly1305.ROW, lower(4), 0);
  private static final LongVector UPPER_4 = LongVector.fromArray(Poly1305.ROW, upper(4), 0);

  private final long[] r = new long[Poly1305.FACTOR];
  private final long[] rSquared = new long[Poly1305.FACTOR];
  private final long[] pads = new long[Poly1305.BLOCK];
  private final long[] sum = new long[Poly1305.NUMBER];

  /** Two slabs, and the block of the lengths. */
  private final long[] blocks = new long[2 * SLAB + Poly1305.BLOCK];

  private final long[] offsets = new long[PACKETS];

  /**
   * The tags of {@code packets} packets from {@code from} on, which must be {@code length} long.
   *
   * @param macKeys as {@link Keystream#macKeys} has them
   * @param tags two rows, lower halves and upper halves
   */
  void tags(PacketRun run, int from, int packets, int[] macKeys, long[] tags) {
    for (int i = 0; i < PACKETS; i++) {
      // A lane without a packet repeats another packet's work; the result is not used.
      offsets[i] = run.offset() + (from + (i < packets ? i : 0)) * run.stride();
    }
    useKeys(macKeys, from);
    MemorySegment memory = run.memory();
    int length = run.length();
    int at = 0;
    for (; at + SLABS_BYTES <= length; at += SLABS_BYTES) {
      load(memory, offsets, at, blocks, 0);
      load(memory, offsets, at + SLAB_BYTES, blocks, SLAB);
      Poly1305.absorbPairs(blocks, 0, 4, r, rSquared, sum);
    }
    absorbEnd(memory, at, length);
    Poly1305.finish(sum, pads, tags);
  }

  private void useKeys(int[] macKeys, int from) {
    loadKeys(macKeys, from, blocks);
    transpose(blocks, 0);
    Poly1305.clampToFactor(blocks, r);
    Poly1305.copy(blocks, Poly1305.BLOCK, pads, Poly1305.BLOCK_ROWS);
    Poly1305.copy(r, 0, rSquared, Poly1305.NUMBER_ROWS);
    Poly1305.multiply(rSquared, r);
    Poly1305.completeFactor(rSquared);
    Poly1305.fill(sum, 0, Poly1305.NUMBER_ROWS, 0);
  }

  /** Makes a slab of the keystream's blocks 0. */
  private static void loadKeys(int[] macKeys, int from, long[] blocks) {
    for (int i = 0; i < PACKETS; i++) {
      IntVector.fromArray(ChaCha20.ROW, macKeys, (from + i) * ChaCha20.LANES)
          .reinterpretAsLongs()
          .intoArray(blocks, i * Poly1305.LANES);
    }
  }

  /** Absorbs the rest, less than two slabs, padded with zeros to whole blocks, and the lengths. */
  private void absorbEnd(MemorySegment memory, int from, int length) {
    int rest = length - from;
    if (rest > 0) {
      loadPart(memory, offsets, from, Math.min(rest, SLAB_BYTES), blocks, 0);
    }
    if (rest > SLAB_BYTES) {
      loadPart(memory, offsets, from + SLAB_BYTES, rest - SLAB_BYTES, blocks, SLAB);
    }
    int count = (rest + 15) / 16;
    int lengths = count * Poly1305.BLOCK;
    Poly1305.fill(blocks, lengths, 1, 0);
    Poly1305.fill(blocks, lengths + Poly1305.LANES, 1, length);
    count++;
    Poly1305.absorbPairs(blocks, 0, count / 2, r, rSquared, sum);
    if (count % 2 != 0) {
      Poly1305.absorb(blocks, (count - 1) * Poly1305.BLOCK, 1, Poly1305.BLOCK_BIT, r, sum);
    }
  }

  private static void load(MemorySegment memory, long[] offsets, long at, long[] blocks, int to) {
    LongVector a =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[0] + at, LITTLE_ENDIAN);
    LongVector b =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[1] + at, LITTLE_ENDIAN);
    LongVector c =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[2] + at, LITTLE_ENDIAN);
    LongVector d =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[3] + at, LITTLE_ENDIAN);
    LongVector e =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[4] + at, LITTLE_ENDIAN);
    LongVector f =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[5] + at, LITTLE_ENDIAN);
    LongVector g =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[6] + at, LITTLE_ENDIAN);
    LongVector h =
        LongVector.fromMemorySegment(Poly1305.ROW, memory, offsets[7] + at, LITTLE_ENDIAN);
    LongVector ab = LOWER_1.selectFrom(a, b);
    LongVector ba = UPPER_1.selectFrom(a, b);
    LongVector cd = LOWER_1.selectFrom(c, d);
    LongVector dc = UPPER_1.selectFrom(c, d);
    LongVector ef = LOWER_1.selectFrom(e, f);
    LongVector fe = UPPER_1.selectFrom(e, f);
    LongVector gh = LOWER_1.selectFrom(g, h);
    LongVector hg = UPPER_1.selectFrom(g, h);
    a = LOWER_2.selectFrom(ab, cd);
    b = LOWER_2.selectFrom(ba, dc);
    c = UPPER_2.selectFrom(ab, cd);
    d = UPPER_2.selectFrom(ba, dc);
    e = LOWER_2.selectFrom(ef, gh);
    f = LOWER_2.selectFrom(fe, hg);
    g = UPPER_2.selectFrom(ef, gh);
    h = UPPER_2.selectFrom(fe, hg);
    LOWER_4.selectFrom(a, e).intoArray(blocks, to);
    LOWER_4.selectFrom(b, f).intoArray(blocks, to + Poly1305.LANES);
    LOWER_4.selectFrom(c, g).intoArray(blocks, to + 2 * Poly1305.LANES);
    LOWER_4.selectFrom(d, h).intoArray(blocks, to + 3 * Poly1305.LANES);
    UPPER_4.selectFrom(a, e).intoArray(blocks, to + 4 * Poly1305.LANES);
    UPPER_4.selectFrom(b, f).intoArray(blocks, to + 5 * Poly1305.LANES);
    UPPER_4.selectFrom(c, g).intoArray(blocks, to + 6 * Poly1305.LANES);
    UPPER_4.selectFrom(d, h).intoArray(blocks, to + 7 * Poly1305.LANES);
  }

  private static void loadPart(
      MemorySegment memory, long[] offsets, long at, int length, long[] blocks, int to) {
    VectorMask<Byte> inside = BYTES.indexInRange(0, length);
    for (int i = 0; i < PACKETS; i++) {
      ByteVector.fromMemorySegment(BYTES, memory, offsets[i] + at, LITTLE_ENDIAN, inside)
          .reinterpretAsLongs()
          .intoArray(blocks, to + i * Poly1305.LANES);
    }
    transpose(blocks, to);
  }

  /** Eight rows of a packet's longs become eight rows of the packets' first, second... longs. */
  private static void transpose(long[] rows, int at) {
    for (int i = at; i < at + SLAB; i += 4 * Poly1305.LANES) {
      LongVector a = LongVector.fromArray(Poly1305.ROW, rows, i);
      LongVector b = LongVector.fromArray(Poly1305.ROW, rows, i + Poly1305.LANES);
      LongVector c = LongVector.fromArray(Poly1305.ROW, rows, i + 2 * Poly1305.LANES);
      LongVector d = LongVector.fromArray(Poly1305.ROW, rows, i + 3 * Poly1305.LANES);
      LongVector ab = LOWER_1.selectFrom(a, b);
      LongVector ba = UPPER_1.selectFrom(a, b);
      LongVector cd = LOWER_1.selectFrom(c, d);
      LongVector dc = UPPER_1.selectFrom(c, d);
      LOWER_2.selectFrom(ab, cd).intoArray(rows, i);
      LOWER_2.selectFrom(ba, dc).intoArray(rows, i + Poly1305.LANES);
      UPPER_2.selectFrom(ab, cd).intoArray(rows, i + 2 * Poly1305.LANES);
      UPPER_2.selectFrom(ba, dc).intoArray(rows, i + 3 * Poly1305.LANES);
    }
    for (int i = at; i < at + 4 * Poly1305.LANES; i += Poly1305.LANES) {
      LongVector a = LongVector.fromArray(Poly1305.ROW, rows, i);
      LongVector b = LongVector.fromArray(Poly1305.ROW, rows, i + 4 * Poly1305.LANES);
      LOWER_4.selectFrom(a, b).intoArray(rows, i);
      UPPER_4.selectFrom(a, b).intoArray(rows, i + 4 * Poly1305.LANES);
    }
  }

  /**
   * The shuffle for row {@code i} of an exchange at this distance, as in {@link ChaCha20} but for
   * rows of eight lanes.
   */
  private static long[] lower(int distance) {
    long[] from = new long[Poly1305.LANES];
    for (int lane = 0; lane < Poly1305.LANES; lane++) {
      from[lane] = (lane & distance) == 0 ? lane : Poly1305.LANES + lane - distance;
    }
    return from;
  }

  private static long[] upper(int distance) {
    long[] from = new long[Poly1305.LANES];
    for (int lane = 0; lane < Poly1305.LANES; lane++) {
      from[lane] = (lane & distance) == 0 ? lane + distance : Poly1305.LANES + lane;
    }
    return from;
  }

  /** Overwrites all traces of a key. */
  void forget() {
    Arrays.fill(r, 0);
    Arrays.fill(rSquared, 0);
    Arrays.fill(pads, 0);
    Arrays.fill(blocks, 0);
    Arrays.fill(sum, 0);
  }
}
