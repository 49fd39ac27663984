// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import static jdk.incubator.vector.VectorOperators.ROL;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernels of ChaCha20 (RFC 8439, section 2.3), 16 blocks to a state: row {@code i} of a state
 * holds word {@code i} of all 16 blocks, block {@code j} in lane {@code j}. A state is an array of
 * 256 words, row after row.
 *
 * <p>Vectors cannot stay in registers across calls, nor in arrays, so the states are unrolled by
 * hand and kernels meet in heap arrays. Each is small enough for both compilers of the JVM.
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
   * The 20 rounds on two states, into {@code words}, one state behind the other. Two states,
   * because each round waits for the one before it, and one state would leave half of the processor
   * idle.
   *
   * <p>A line is one of the four steps of a quarter round: {@code a += b; d = (d ^ a) <<< bits}.
   * One round is written down, not two: with two the method is too large for the first compiler. No
   * helper methods are called, since the second compiler does not inline all calls of so large a
   * method.
   */
  @SuppressWarnings("AssignmentExpression")
  static void rounds(int[] first, int[] second, int[] words) {
    IntVector a0 = IntVector.fromArray(ROW, first, 0);
    IntVector a1 = IntVector.fromArray(ROW, first, 1 * LANES);
    IntVector a2 = IntVector.fromArray(ROW, first, 2 * LANES);
    IntVector a3 = IntVector.fromArray(ROW, first, 3 * LANES);
    IntVector a4 = IntVector.fromArray(ROW, first, 4 * LANES);
    IntVector a5 = IntVector.fromArray(ROW, first, 5 * LANES);
    IntVector a6 = IntVector.fromArray(ROW, first, 6 * LANES);
    IntVector a7 = IntVector.fromArray(ROW, first, 7 * LANES);
    IntVector a8 = IntVector.fromArray(ROW, first, 8 * LANES);
    IntVector a9 = IntVector.fromArray(ROW, first, 9 * LANES);
    IntVector a10 = IntVector.fromArray(ROW, first, 10 * LANES);
    IntVector a11 = IntVector.fromArray(ROW, first, 11 * LANES);
    IntVector a12 = IntVector.fromArray(ROW, first, 12 * LANES);
    IntVector a13 = IntVector.fromArray(ROW, first, 13 * LANES);
    IntVector a14 = IntVector.fromArray(ROW, first, 14 * LANES);
    IntVector a15 = IntVector.fromArray(ROW, first, 15 * LANES);
    IntVector b0 = IntVector.fromArray(ROW, second, 0);
    IntVector b1 = IntVector.fromArray(ROW, second, 1 * LANES);
    IntVector b2 = IntVector.fromArray(ROW, second, 2 * LANES);
    IntVector b3 = IntVector.fromArray(ROW, second, 3 * LANES);
    IntVector b4 = IntVector.fromArray(ROW, second, 4 * LANES);
    IntVector b5 = IntVector.fromArray(ROW, second, 5 * LANES);
    IntVector b6 = IntVector.fromArray(ROW, second, 6 * LANES);
    IntVector b7 = IntVector.fromArray(ROW, second, 7 * LANES);
    IntVector b8 = IntVector.fromArray(ROW, second, 8 * LANES);
    IntVector b9 = IntVector.fromArray(ROW, second, 9 * LANES);
    IntVector b10 = IntVector.fromArray(ROW, second, 10 * LANES);
    IntVector b11 = IntVector.fromArray(ROW, second, 11 * LANES);
    IntVector b12 = IntVector.fromArray(ROW, second, 12 * LANES);
    IntVector b13 = IntVector.fromArray(ROW, second, 13 * LANES);
    IntVector b14 = IntVector.fromArray(ROW, second, 14 * LANES);
    IntVector b15 = IntVector.fromArray(ROW, second, 15 * LANES);
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
      b12 = b12.lanewise(XOR, b0 = b0.add(b4)).lanewise(ROL, 16);
      b13 = b13.lanewise(XOR, b1 = b1.add(b5)).lanewise(ROL, 16);
      b14 = b14.lanewise(XOR, b2 = b2.add(b6)).lanewise(ROL, 16);
      b15 = b15.lanewise(XOR, b3 = b3.add(b7)).lanewise(ROL, 16);
      b4 = b4.lanewise(XOR, b8 = b8.add(b12)).lanewise(ROL, 12);
      b5 = b5.lanewise(XOR, b9 = b9.add(b13)).lanewise(ROL, 12);
      b6 = b6.lanewise(XOR, b10 = b10.add(b14)).lanewise(ROL, 12);
      b7 = b7.lanewise(XOR, b11 = b11.add(b15)).lanewise(ROL, 12);
      b12 = b12.lanewise(XOR, b0 = b0.add(b4)).lanewise(ROL, 8);
      b13 = b13.lanewise(XOR, b1 = b1.add(b5)).lanewise(ROL, 8);
      b14 = b14.lanewise(XOR, b2 = b2.add(b6)).lanewise(ROL, 8);
      b15 = b15.lanewise(XOR, b3 = b3.add(b7)).lanewise(ROL, 8);
      b4 = b4.lanewise(XOR, b8 = b8.add(b12)).lanewise(ROL, 7);
      b5 = b5.lanewise(XOR, b9 = b9.add(b13)).lanewise(ROL, 7);
      b6 = b6.lanewise(XOR, b10 = b10.add(b14)).lanewise(ROL, 7);
      b7 = b7.lanewise(XOR, b11 = b11.add(b15)).lanewise(ROL, 7);
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
      IntVector b = b1;
      b1 = b3;
      b3 = b;
      b = b4;
      b4 = b5;
      b5 = b;
      b = b6;
      b6 = b7;
      b7 = b;
      b = b8;
      b8 = b10;
      b10 = b;
      b = b12;
      b12 = b15;
      b15 = b;
      b = b13;
      b13 = b14;
      b14 = b;
    }
    a0.intoArray(words, 0);
    a1.intoArray(words, 1 * LANES);
    a2.intoArray(words, 2 * LANES);
    a3.intoArray(words, 3 * LANES);
    a4.intoArray(words, 4 * LANES);
    a5.intoArray(words, 5 * LANES);
    a6.intoArray(words, 6 * LANES);
    a7.intoArray(words, 7 * LANES);
    a8.intoArray(words, 8 * LANES);
    a9.intoArray(words, 9 * LANES);
    a10.intoArray(words, 10 * LANES);
    a11.intoArray(words, 11 * LANES);
    a12.intoArray(words, 12 * LANES);
    a13.intoArray(words, 13 * LANES);
    a14.intoArray(words, 14 * LANES);
    a15.intoArray(words, 15 * LANES);
    b0.intoArray(words, STATE);
    b1.intoArray(words, STATE + 1 * LANES);
    b2.intoArray(words, STATE + 2 * LANES);
    b3.intoArray(words, STATE + 3 * LANES);
    b4.intoArray(words, STATE + 4 * LANES);
    b5.intoArray(words, STATE + 5 * LANES);
    b6.intoArray(words, STATE + 6 * LANES);
    b7.intoArray(words, STATE + 7 * LANES);
    b8.intoArray(words, STATE + 8 * LANES);
    b9.intoArray(words, STATE + 9 * LANES);
    b10.intoArray(words, STATE + 10 * LANES);
    b11.intoArray(words, STATE + 11 * LANES);
    b12.intoArray(words, STATE + 12 * LANES);
    b13.intoArray(words, STATE + 13 * LANES);
    b14.intoArray(words, STATE + 14 * LANES);
    b15.intoArray(words, STATE + 15 * LANES);
  }

  /** Adds the state to its words at {@code at}, and turns the rows into 16 blocks of keystream. */
  static void finish(int[] state, int[] words, int at) {
    addAndTransposeNear(state, words, at);
    transposeFar(words, at);
  }

  /** Transposes within squares of four lanes: exchanges at distance 1, then at distance 2. */
  private static void addAndTransposeNear(int[] state, int[] words, int at) {
    for (int i = 0; i < STATE; i += 4 * LANES) {
      IntVector a = IntVector.fromArray(ROW, words, at + i).add(IntVector.fromArray(ROW, state, i));
      IntVector b =
          IntVector.fromArray(ROW, words, at + i + LANES)
              .add(IntVector.fromArray(ROW, state, i + LANES));
      IntVector c =
          IntVector.fromArray(ROW, words, at + i + 2 * LANES)
              .add(IntVector.fromArray(ROW, state, i + 2 * LANES));
      IntVector d =
          IntVector.fromArray(ROW, words, at + i + 3 * LANES)
              .add(IntVector.fromArray(ROW, state, i + 3 * LANES));
      IntVector ab = LOWER_1.selectFrom(a, b);
      IntVector ba = UPPER_1.selectFrom(a, b);
      IntVector cd = LOWER_1.selectFrom(c, d);
      IntVector dc = UPPER_1.selectFrom(c, d);
      LOWER_2.selectFrom(ab, cd).intoArray(words, at + i);
      LOWER_2.selectFrom(ba, dc).intoArray(words, at + i + LANES);
      UPPER_2.selectFrom(ab, cd).intoArray(words, at + i + 2 * LANES);
      UPPER_2.selectFrom(ba, dc).intoArray(words, at + i + 3 * LANES);
    }
  }

  /** Transposes the squares of four lanes: exchanges at distance 4, then at distance 8. */
  private static void transposeFar(int[] words, int at) {
    for (int i = at; i < at + 4 * LANES; i += LANES) {
      IntVector a = IntVector.fromArray(ROW, words, i);
      IntVector b = IntVector.fromArray(ROW, words, i + 4 * LANES);
      IntVector c = IntVector.fromArray(ROW, words, i + 8 * LANES);
      IntVector d = IntVector.fromArray(ROW, words, i + 12 * LANES);
      IntVector ab = LOWER_4.selectFrom(a, b);
      IntVector ba = UPPER_4.selectFrom(a, b);
      IntVector cd = LOWER_4.selectFrom(c, d);
      IntVector dc = UPPER_4.selectFrom(c, d);
      LOWER_8.selectFrom(ab, cd).intoArray(words, i);
      LOWER_8.selectFrom(ba, dc).intoArray(words, i + 4 * LANES);
      UPPER_8.selectFrom(ab, cd).intoArray(words, i + 8 * LANES);
      UPPER_8.selectFrom(ba, dc).intoArray(words, i + 12 * LANES);
    }
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
