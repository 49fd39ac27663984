// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import static jdk.incubator.vector.VectorOperators.ROL;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernel of ChaCha20 (RFC 8439, section 2.3), 16 blocks to a state: row {@code i} of a state
 * holds word {@code i} of all 16 blocks, block {@code j} in lane {@code j}. A state is an array of
 * 256 words, row after row.
 *
 * <p>Vectors cannot stay in registers across calls, nor in arrays, so the state is unrolled by
 * hand, and the kernel meets its callers in heap arrays. It is small enough for both compilers of
 * the JVM.
 */
final class ChaCha20 {
  static final VectorSpecies<Integer> ROW = IntVector.SPECIES_512;

  /** Blocks in a state, and words in a block. */
  static final int LANES = 16;

  static final int STATE = LANES * LANES;

  private static final IntVector LOWER_1 = IntVector.fromArray(ROW, lower(1), 0);
  private static final IntVector UPPER_1 = IntVector.fromArray(ROW, upper(1), 0);
  private static final IntVector LOWER_2 = IntVector.fromArray(ROW, lower(2), 0);
  private static final IntVector UPPER_2 = IntVector.fromArray(ROW, upper(2), 0);
  private static final IntVector LOWER_4 = IntVector.fromArray(ROW, lower(4), 0);
  private static final IntVector UPPER_4 = IntVector.fromArray(ROW, upper(4), 0);
  private static final IntVector LOWER_8 = IntVector.fromArray(ROW, lower(8), 0);
  private static final IntVector UPPER_8 = IntVector.fromArray(ROW, upper(8), 0);

  private ChaCha20() {}

  /**
   * Makes 16 blocks of keystream, one behind the other in {@code words} from {@code at} on: 20
   * rounds on the state, then the state is added, then rows are turned into blocks.
   *
   * <p>A line of the loop is one of the four steps of a quarter round: {@code a += b; d = (d ^ a)
   * <<< bits}. One round is written down, not two: with two the method is too large for the first
   * compiler. No helper methods are called, since the second compiler does not inline all calls of
   * so large a method. All 16 rows and the temporary values fit the 32 vector registers of the
   * processor.
   */
  @SuppressWarnings("AssignmentExpression")
  static void blocks(int[] state, int[] words, int at) {
    IntVector a0 = IntVector.fromArray(ROW, state, 0);
    IntVector a1 = IntVector.fromArray(ROW, state, 1 * LANES);
    IntVector a2 = IntVector.fromArray(ROW, state, 2 * LANES);
    IntVector a3 = IntVector.fromArray(ROW, state, 3 * LANES);
    IntVector a4 = IntVector.fromArray(ROW, state, 4 * LANES);
    IntVector a5 = IntVector.fromArray(ROW, state, 5 * LANES);
    IntVector a6 = IntVector.fromArray(ROW, state, 6 * LANES);
    IntVector a7 = IntVector.fromArray(ROW, state, 7 * LANES);
    IntVector a8 = IntVector.fromArray(ROW, state, 8 * LANES);
    IntVector a9 = IntVector.fromArray(ROW, state, 9 * LANES);
    IntVector a10 = IntVector.fromArray(ROW, state, 10 * LANES);
    IntVector a11 = IntVector.fromArray(ROW, state, 11 * LANES);
    IntVector a12 = IntVector.fromArray(ROW, state, 12 * LANES);
    IntVector a13 = IntVector.fromArray(ROW, state, 13 * LANES);
    IntVector a14 = IntVector.fromArray(ROW, state, 14 * LANES);
    IntVector a15 = IntVector.fromArray(ROW, state, 15 * LANES);
    for (int i = 0; i < 20; i++) {
      a12 = a12.lanewise(XOR, a0 = a0.add(a4)).lanewise(ROL, 16);
      a13 = a13.lanewise(XOR, a1 = a1.add(a5)).lanewise(ROL, 16);
      a14 = a14.lanewise(XOR, a2 = a2.add(a6)).lanewise(ROL, 16);
      a15 = a15.lanewise(XOR, a3 = a3.add(a7)).lanewise(ROL, 16);
      a4 = a4.lanewise(XOR, a8 = a8.add(a12)).lanewise(ROL, 12);
      a5 = a5.lanewise(XOR, a9 = a9.add(a13)).lanewise(ROL, 12);
      a6 = a6.lanewise(XOR, a10 = a10.add(a14)).lanewise(ROL, 12);
      a7 = a7.lanewise(XOR, a11 = a11.add(a15)).lanewise(ROL, 12);
      a12 = a12.lanewise(XOR, a0 = a0.add(a4)).lanewise(ROL, 8);
      a13 = a13.lanewise(XOR, a1 = a1.add(a5)).lanewise(ROL, 8);
      a14 = a14.lanewise(XOR, a2 = a2.add(a6)).lanewise(ROL, 8);
      a15 = a15.lanewise(XOR, a3 = a3.add(a7)).lanewise(ROL, 8);
      a4 = a4.lanewise(XOR, a8 = a8.add(a12)).lanewise(ROL, 7);
      a5 = a5.lanewise(XOR, a9 = a9.add(a13)).lanewise(ROL, 7);
      a6 = a6.lanewise(XOR, a10 = a10.add(a14)).lanewise(ROL, 7);
      a7 = a7.lanewise(XOR, a11 = a11.add(a15)).lanewise(ROL, 7);
      // Diagonals become columns, and after the next round columns again.
      IntVector a = a1;
      a1 = a3;
      a3 = a;
      a = a4;
      a4 = a5;
      a5 = a;
      a = a6;
      a6 = a7;
      a7 = a;
      a = a8;
      a8 = a10;
      a10 = a;
      a = a12;
      a12 = a15;
      a15 = a;
      a = a13;
      a13 = a14;
      a14 = a;
    }
    a0 = a0.add(IntVector.fromArray(ROW, state, 0));
    a1 = a1.add(IntVector.fromArray(ROW, state, 1 * LANES));
    a2 = a2.add(IntVector.fromArray(ROW, state, 2 * LANES));
    a3 = a3.add(IntVector.fromArray(ROW, state, 3 * LANES));
    a4 = a4.add(IntVector.fromArray(ROW, state, 4 * LANES));
    a5 = a5.add(IntVector.fromArray(ROW, state, 5 * LANES));
    a6 = a6.add(IntVector.fromArray(ROW, state, 6 * LANES));
    a7 = a7.add(IntVector.fromArray(ROW, state, 7 * LANES));
    a8 = a8.add(IntVector.fromArray(ROW, state, 8 * LANES));
    a9 = a9.add(IntVector.fromArray(ROW, state, 9 * LANES));
    a10 = a10.add(IntVector.fromArray(ROW, state, 10 * LANES));
    a11 = a11.add(IntVector.fromArray(ROW, state, 11 * LANES));
    a12 = a12.add(IntVector.fromArray(ROW, state, 12 * LANES));
    a13 = a13.add(IntVector.fromArray(ROW, state, 13 * LANES));
    a14 = a14.add(IntVector.fromArray(ROW, state, 14 * LANES));
    a15 = a15.add(IntVector.fromArray(ROW, state, 15 * LANES));

    // Within squares of four lanes: exchanges at distance 1, then at distance 2.
    IntVector low = LOWER_1.selectFrom(a0, a1);
    IntVector high = UPPER_1.selectFrom(a0, a1);
    IntVector low2 = LOWER_1.selectFrom(a2, a3);
    IntVector high2 = UPPER_1.selectFrom(a2, a3);
    a0 = LOWER_2.selectFrom(low, low2);
    a1 = LOWER_2.selectFrom(high, high2);
    a2 = UPPER_2.selectFrom(low, low2);
    a3 = UPPER_2.selectFrom(high, high2);
    low = LOWER_1.selectFrom(a4, a5);
    high = UPPER_1.selectFrom(a4, a5);
    low2 = LOWER_1.selectFrom(a6, a7);
    high2 = UPPER_1.selectFrom(a6, a7);
    a4 = LOWER_2.selectFrom(low, low2);
    a5 = LOWER_2.selectFrom(high, high2);
    a6 = UPPER_2.selectFrom(low, low2);
    a7 = UPPER_2.selectFrom(high, high2);
    low = LOWER_1.selectFrom(a8, a9);
    high = UPPER_1.selectFrom(a8, a9);
    low2 = LOWER_1.selectFrom(a10, a11);
    high2 = UPPER_1.selectFrom(a10, a11);
    a8 = LOWER_2.selectFrom(low, low2);
    a9 = LOWER_2.selectFrom(high, high2);
    a10 = UPPER_2.selectFrom(low, low2);
    a11 = UPPER_2.selectFrom(high, high2);
    low = LOWER_1.selectFrom(a12, a13);
    high = UPPER_1.selectFrom(a12, a13);
    low2 = LOWER_1.selectFrom(a14, a15);
    high2 = UPPER_1.selectFrom(a14, a15);
    a12 = LOWER_2.selectFrom(low, low2);
    a13 = LOWER_2.selectFrom(high, high2);
    a14 = UPPER_2.selectFrom(low, low2);
    a15 = UPPER_2.selectFrom(high, high2);

    // The squares themselves: exchanges at distance 4, then at distance 8.
    low = LOWER_4.selectFrom(a0, a4);
    high = UPPER_4.selectFrom(a0, a4);
    low2 = LOWER_4.selectFrom(a8, a12);
    high2 = UPPER_4.selectFrom(a8, a12);
    LOWER_8.selectFrom(low, low2).intoArray(words, at);
    LOWER_8.selectFrom(high, high2).intoArray(words, at + 4 * LANES);
    UPPER_8.selectFrom(low, low2).intoArray(words, at + 8 * LANES);
    UPPER_8.selectFrom(high, high2).intoArray(words, at + 12 * LANES);
    low = LOWER_4.selectFrom(a1, a5);
    high = UPPER_4.selectFrom(a1, a5);
    low2 = LOWER_4.selectFrom(a9, a13);
    high2 = UPPER_4.selectFrom(a9, a13);
    LOWER_8.selectFrom(low, low2).intoArray(words, at + LANES);
    LOWER_8.selectFrom(high, high2).intoArray(words, at + 5 * LANES);
    UPPER_8.selectFrom(low, low2).intoArray(words, at + 9 * LANES);
    UPPER_8.selectFrom(high, high2).intoArray(words, at + 13 * LANES);
    low = LOWER_4.selectFrom(a2, a6);
    high = UPPER_4.selectFrom(a2, a6);
    low2 = LOWER_4.selectFrom(a10, a14);
    high2 = UPPER_4.selectFrom(a10, a14);
    LOWER_8.selectFrom(low, low2).intoArray(words, at + 2 * LANES);
    LOWER_8.selectFrom(high, high2).intoArray(words, at + 6 * LANES);
    UPPER_8.selectFrom(low, low2).intoArray(words, at + 10 * LANES);
    UPPER_8.selectFrom(high, high2).intoArray(words, at + 14 * LANES);
    low = LOWER_4.selectFrom(a3, a7);
    high = UPPER_4.selectFrom(a3, a7);
    low2 = LOWER_4.selectFrom(a11, a15);
    high2 = UPPER_4.selectFrom(a11, a15);
    LOWER_8.selectFrom(low, low2).intoArray(words, at + 3 * LANES);
    LOWER_8.selectFrom(high, high2).intoArray(words, at + 7 * LANES);
    UPPER_8.selectFrom(low, low2).intoArray(words, at + 11 * LANES);
    UPPER_8.selectFrom(high, high2).intoArray(words, at + 15 * LANES);
  }

  /**
   * The lanes of row {@code i} after it and row {@code i + distance} have exchanged lanes: its own
   * lanes if the lane's number does not have the bit {@code distance}, else the other row's lower
   * ones.
   */
  private static int[] lower(int distance) {
    int[] from = new int[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      from[lane] = (lane & distance) == 0 ? lane : LANES + lane - distance;
    }
    return from;
  }

  /** The lanes of row {@code i + distance} after it and row {@code i} have exchanged lanes. */
  private static int[] upper(int distance) {
    int[] from = new int[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      from[lane] = (lane & distance) == 0 ? lane + distance : LANES + lane;
    }
    return from;
  }
}
