// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NOT;
import static jdk.incubator.vector.VectorOperators.ULT;

import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernels of Poly1305 (RFC 8439, section 2.5), eight sums abreast: every row is one vector of
 * eight lanes, and lanes do not depend on each other.
 *
 * <ul>
 *   <li>A <em>number</em> modulo 2^130 - 5 is five rows of limbs of 26 bits, the least first; the
 *       limbs may be a little longer until {@link #finish}.
 *   <li>A <em>factor</em> is a number and, in four more rows, five times its upper limbs: limbs
 *       above 2^130 count five times at the bottom.
 *   <li>A <em>block</em> of 16 bytes is two rows, its lower and its upper half.
 * </ul>
 */
final class Poly1305 {
  static final VectorSpecies<Long> ROW = LongVector.SPECIES_512;

  /** Sums abreast: longs in a row. */
  static final int LANES = 8;

  static final int NUMBER_ROWS = 5;
  static final int NUMBER = NUMBER_ROWS * LANES;
  static final int FACTOR = 9 * LANES;
  static final int BLOCK_ROWS = 2;
  static final int BLOCK = BLOCK_ROWS * LANES;

  /** 2^128 in the uppermost limb: stands behind every block of 16 bytes. */
  static final long BLOCK_BIT = 1 << 24;

  private static final long LIMB = (1 << 26) - 1;
  private static final long INT = 0xffff_ffffL;
  private static final long[] NO_BLOCK = new long[BLOCK];

  private Poly1305() {}

  /** Clamps the first halves of one-time keys and turns them into the factor r. */
  static void clampToFactor(long[] key, long[] r) {
    LongVector lo = LongVector.fromArray(ROW, key, 0).and(0x0fff_fffc_0fff_ffffL);
    LongVector hi = LongVector.fromArray(ROW, key, LANES).and(0x0fff_fffc_0fff_fffcL);
    lo.and(LIMB).intoArray(r, 0);
    lo.lanewise(LSHR, 26).and(LIMB).intoArray(r, LANES);
    lo.lanewise(LSHR, 52).or(hi.lanewise(LSHL, 12)).and(LIMB).intoArray(r, 2 * LANES);
    hi.lanewise(LSHR, 14).and(LIMB).intoArray(r, 3 * LANES);
    hi.lanewise(LSHR, 40).intoArray(r, 4 * LANES);
    completeFactor(r);
  }

  /** Makes a factor of the number that stands in its first rows. */
  static void completeFactor(long[] factor) {
    for (int i = LANES; i < NUMBER; i += LANES) {
      LongVector limb = LongVector.fromArray(ROW, factor, i);
      limb.add(limb.lanewise(LSHL, 2)).intoArray(factor, i + 4 * LANES);
    }
  }

  /**
   * Copies {@code count} rows to the beginning of an array. Uses vector stores, as {@link #fill}
   * does, since a vector load from memory that was just stored in smaller pieces is slow.
   */
  static void copy(long[] rows, int from, long[] to, int count) {
    for (int i = 0; i < count; i++) {
      LongVector.fromArray(ROW, rows, from + i * LANES).intoArray(to, i * LANES);
    }
  }

  /** Sets all lanes of {@code count} rows. */
  static void fill(long[] rows, int from, int count, long value) {
    for (int i = 0; i < count; i++) {
      LongVector.broadcast(ROW, value).intoArray(rows, from + i * LANES);
    }
  }

  /** {@code number *= factor}. */
  static void multiply(long[] number, long[] factor) {
    absorb(NO_BLOCK, 0, 1, 0, factor, number);
  }

  /**
   * For each of {@code count} blocks: {@code sum = (sum + block) * r}.
   *
   * @param bit {@link #BLOCK_BIT}, or 0 if the block is none
   */
  static void absorb(long[] blocks, int from, int count, long bit, long[] r, long[] sum) {
    LongVector r0 = LongVector.fromArray(ROW, r, 0).and(INT);
    LongVector r1 = LongVector.fromArray(ROW, r, 1 * LANES).and(INT);
    LongVector r2 = LongVector.fromArray(ROW, r, 2 * LANES).and(INT);
    LongVector r3 = LongVector.fromArray(ROW, r, 3 * LANES).and(INT);
    LongVector r4 = LongVector.fromArray(ROW, r, 4 * LANES).and(INT);
    LongVector s1 = LongVector.fromArray(ROW, r, 5 * LANES).and(INT);
    LongVector s2 = LongVector.fromArray(ROW, r, 6 * LANES).and(INT);
    LongVector s3 = LongVector.fromArray(ROW, r, 7 * LANES).and(INT);
    LongVector s4 = LongVector.fromArray(ROW, r, 8 * LANES).and(INT);
    LongVector h0 = LongVector.fromArray(ROW, sum, 0);
    LongVector h1 = LongVector.fromArray(ROW, sum, LANES);
    LongVector h2 = LongVector.fromArray(ROW, sum, 2 * LANES);
    LongVector h3 = LongVector.fromArray(ROW, sum, 3 * LANES);
    LongVector h4 = LongVector.fromArray(ROW, sum, 4 * LANES);
    for (int at = from; at < from + count * BLOCK; at += BLOCK) {
      LongVector lo = LongVector.fromArray(ROW, blocks, at);
      LongVector hi = LongVector.fromArray(ROW, blocks, at + LANES);
      LongVector m0 = h0.add(lo.and(LIMB)).and(INT);
      LongVector m1 = h1.add(lo.lanewise(LSHR, 26).and(LIMB)).and(INT);
      LongVector m2 = h2.add(lo.lanewise(LSHR, 52).or(hi.lanewise(LSHL, 12)).and(LIMB)).and(INT);
      LongVector m3 = h3.add(hi.lanewise(LSHR, 14).and(LIMB)).and(INT);
      LongVector m4 = h4.add(hi.lanewise(LSHR, 40).or(bit)).and(INT);

      h0 = m0.mul(r0).add(m1.mul(s4)).add(m2.mul(s3).add(m3.mul(s2))).add(m4.mul(s1));
      h1 = m0.mul(r1).add(m1.mul(r0)).add(m2.mul(s4).add(m3.mul(s3))).add(m4.mul(s2));
      h2 = m0.mul(r2).add(m1.mul(r1)).add(m2.mul(r0).add(m3.mul(s4))).add(m4.mul(s3));
      h3 = m0.mul(r3).add(m1.mul(r2)).add(m2.mul(r1).add(m3.mul(r0))).add(m4.mul(s4));
      h4 = m0.mul(r4).add(m1.mul(r3)).add(m2.mul(r2).add(m3.mul(r1))).add(m4.mul(r0));

      // Two chains of carries at once: from limb 0 up to 4, and from limb 3 round to 1.
      h1 = h1.add(h0.lanewise(LSHR, 26));
      h4 = h4.add(h3.lanewise(LSHR, 26));
      h2 = h2.add(h1.lanewise(LSHR, 26));
      LongVector over = h4.lanewise(LSHR, 26);
      h0 = h0.and(LIMB).add(over).add(over.lanewise(LSHL, 2));
      h3 = h3.and(LIMB).add(h2.lanewise(LSHR, 26));
      h1 = h1.and(LIMB).add(h0.lanewise(LSHR, 26));
      h4 = h4.and(LIMB).add(h3.lanewise(LSHR, 26));
      h0 = h0.and(LIMB);
      h2 = h2.and(LIMB);
      h3 = h3.and(LIMB);
    }
    h0.intoArray(sum, 0);
    h1.intoArray(sum, LANES);
    h2.intoArray(sum, 2 * LANES);
    h3.intoArray(sum, 3 * LANES);
    h4.intoArray(sum, 4 * LANES);
  }

  /**
   * For each of {@code count} pairs of blocks: {@code sum = (sum + first) * r^2 + second * r}, as
   * {@link #absorb} twice, but with the carries, which take as long as the products, only once.
   */
  static void absorbPairs(
      long[] blocks, int from, int count, long[] r, long[] rSquared, long[] sum) {
    LongVector r0 = LongVector.fromArray(ROW, r, 0).and(INT);
    LongVector r1 = LongVector.fromArray(ROW, r, 1 * LANES).and(INT);
    LongVector r2 = LongVector.fromArray(ROW, r, 2 * LANES).and(INT);
    LongVector r3 = LongVector.fromArray(ROW, r, 3 * LANES).and(INT);
    LongVector r4 = LongVector.fromArray(ROW, r, 4 * LANES).and(INT);
    LongVector s1 = LongVector.fromArray(ROW, r, 5 * LANES).and(INT);
    LongVector s2 = LongVector.fromArray(ROW, r, 6 * LANES).and(INT);
    LongVector s3 = LongVector.fromArray(ROW, r, 7 * LANES).and(INT);
    LongVector s4 = LongVector.fromArray(ROW, r, 8 * LANES).and(INT);
    LongVector q0 = LongVector.fromArray(ROW, rSquared, 0).and(INT);
    LongVector q1 = LongVector.fromArray(ROW, rSquared, 1 * LANES).and(INT);
    LongVector q2 = LongVector.fromArray(ROW, rSquared, 2 * LANES).and(INT);
    LongVector q3 = LongVector.fromArray(ROW, rSquared, 3 * LANES).and(INT);
    LongVector q4 = LongVector.fromArray(ROW, rSquared, 4 * LANES).and(INT);
    LongVector t1 = LongVector.fromArray(ROW, rSquared, 5 * LANES).and(INT);
    LongVector t2 = LongVector.fromArray(ROW, rSquared, 6 * LANES).and(INT);
    LongVector t3 = LongVector.fromArray(ROW, rSquared, 7 * LANES).and(INT);
    LongVector t4 = LongVector.fromArray(ROW, rSquared, 8 * LANES).and(INT);
    LongVector h0 = LongVector.fromArray(ROW, sum, 0);
    LongVector h1 = LongVector.fromArray(ROW, sum, LANES);
    LongVector h2 = LongVector.fromArray(ROW, sum, 2 * LANES);
    LongVector h3 = LongVector.fromArray(ROW, sum, 3 * LANES);
    LongVector h4 = LongVector.fromArray(ROW, sum, 4 * LANES);
    for (int at = from; at < from + count * 2 * BLOCK; at += 2 * BLOCK) {
      // The second block first: it does not wait for the sum.
      LongVector lo = LongVector.fromArray(ROW, blocks, at + BLOCK);
      LongVector hi = LongVector.fromArray(ROW, blocks, at + BLOCK + LANES);
      LongVector m0 = lo.and(LIMB).and(INT);
      LongVector m1 = lo.lanewise(LSHR, 26).and(LIMB).and(INT);
      LongVector m2 = lo.lanewise(LSHR, 52).or(hi.lanewise(LSHL, 12)).and(LIMB).and(INT);
      LongVector m3 = hi.lanewise(LSHR, 14).and(LIMB).and(INT);
      LongVector m4 = hi.lanewise(LSHR, 40).or(BLOCK_BIT).and(INT);
      LongVector d0 = m0.mul(r0).add(m1.mul(s4)).add(m2.mul(s3).add(m3.mul(s2))).add(m4.mul(s1));
      LongVector d1 = m0.mul(r1).add(m1.mul(r0)).add(m2.mul(s4).add(m3.mul(s3))).add(m4.mul(s2));
      LongVector d2 = m0.mul(r2).add(m1.mul(r1)).add(m2.mul(r0).add(m3.mul(s4))).add(m4.mul(s3));
      LongVector d3 = m0.mul(r3).add(m1.mul(r2)).add(m2.mul(r1).add(m3.mul(r0))).add(m4.mul(s4));
      LongVector d4 = m0.mul(r4).add(m1.mul(r3)).add(m2.mul(r2).add(m3.mul(r1))).add(m4.mul(r0));

      lo = LongVector.fromArray(ROW, blocks, at);
      hi = LongVector.fromArray(ROW, blocks, at + LANES);
      m0 = h0.add(lo.and(LIMB)).and(INT);
      m1 = h1.add(lo.lanewise(LSHR, 26).and(LIMB)).and(INT);
      m2 = h2.add(lo.lanewise(LSHR, 52).or(hi.lanewise(LSHL, 12)).and(LIMB)).and(INT);
      m3 = h3.add(hi.lanewise(LSHR, 14).and(LIMB)).and(INT);
      m4 = h4.add(hi.lanewise(LSHR, 40).or(BLOCK_BIT)).and(INT);
      h0 = m0.mul(q0).add(m1.mul(t4)).add(m2.mul(t3).add(m3.mul(t2))).add(m4.mul(t1)).add(d0);
      h1 = m0.mul(q1).add(m1.mul(q0)).add(m2.mul(t4).add(m3.mul(t3))).add(m4.mul(t2)).add(d1);
      h2 = m0.mul(q2).add(m1.mul(q1)).add(m2.mul(q0).add(m3.mul(t4))).add(m4.mul(t3)).add(d2);
      h3 = m0.mul(q3).add(m1.mul(q2)).add(m2.mul(q1).add(m3.mul(q0))).add(m4.mul(t4)).add(d3);
      h4 = m0.mul(q4).add(m1.mul(q3)).add(m2.mul(q2).add(m3.mul(q1))).add(m4.mul(q0)).add(d4);

      h1 = h1.add(h0.lanewise(LSHR, 26));
      h4 = h4.add(h3.lanewise(LSHR, 26));
      h2 = h2.add(h1.lanewise(LSHR, 26));
      LongVector over = h4.lanewise(LSHR, 26);
      h0 = h0.and(LIMB).add(over).add(over.lanewise(LSHL, 2));
      h3 = h3.and(LIMB).add(h2.lanewise(LSHR, 26));
      h1 = h1.and(LIMB).add(h0.lanewise(LSHR, 26));
      h4 = h4.and(LIMB).add(h3.lanewise(LSHR, 26));
      h0 = h0.and(LIMB);
      h2 = h2.and(LIMB);
      h3 = h3.and(LIMB);
    }
    h0.intoArray(sum, 0);
    h1.intoArray(sum, LANES);
    h2.intoArray(sum, 2 * LANES);
    h3.intoArray(sum, 3 * LANES);
    h4.intoArray(sum, 4 * LANES);
  }

  /**
   * Reduces the sums fully and adds the second halves of the one-time keys.
   *
   * @param pads two rows: lower and upper halves
   * @param tags two rows: lower and upper halves
   */
  static void finish(long[] sum, long[] pads, long[] tags) {
    LongVector h0 = LongVector.fromArray(ROW, sum, 0);
    LongVector h1 = LongVector.fromArray(ROW, sum, LANES);
    LongVector h2 = LongVector.fromArray(ROW, sum, 2 * LANES);
    LongVector h3 = LongVector.fromArray(ROW, sum, 3 * LANES);
    LongVector h4 = LongVector.fromArray(ROW, sum, 4 * LANES);
    // Twice round: the carry of the first round into limb 1 may run through all limbs once more.
    for (int i = 0; i < 2; i++) {
      h2 = h2.add(h1.lanewise(LSHR, 26));
      h1 = h1.and(LIMB);
      h3 = h3.add(h2.lanewise(LSHR, 26));
      h2 = h2.and(LIMB);
      h4 = h4.add(h3.lanewise(LSHR, 26));
      h3 = h3.and(LIMB);
      LongVector over = h4.lanewise(LSHR, 26);
      h0 = h0.add(over).add(over.lanewise(LSHL, 2));
      h4 = h4.and(LIMB);
      h1 = h1.add(h0.lanewise(LSHR, 26));
      h0 = h0.and(LIMB);
    }
    // h - (2^130 - 5); if that is negative, h is reduced already.
    LongVector g0 = h0.add(5);
    LongVector g1 = h1.add(g0.lanewise(LSHR, 26));
    LongVector g2 = h2.add(g1.lanewise(LSHR, 26));
    LongVector g3 = h3.add(g2.lanewise(LSHR, 26));
    LongVector g4 = h4.add(g3.lanewise(LSHR, 26)).sub(LIMB + 1);
    LongVector keep = g4.lanewise(ASHR, 63);
    LongVector take = keep.lanewise(NOT).and(LIMB);
    h0 = h0.and(keep).or(g0.and(take));
    h1 = h1.and(keep).or(g1.and(take));
    h2 = h2.and(keep).or(g2.and(take));
    h3 = h3.and(keep).or(g3.and(take));
    h4 = h4.and(keep).or(g4.and(take));
    LongVector lo = h0.or(h1.lanewise(LSHL, 26)).or(h2.lanewise(LSHL, 52));
    LongVector hi = h2.lanewise(LSHR, 12).or(h3.lanewise(LSHL, 14)).or(h4.lanewise(LSHL, 40));
    LongVector padLo = LongVector.fromArray(ROW, pads, 0);
    LongVector tagLo = lo.add(padLo);
    VectorMask<Long> overflow = tagLo.compare(ULT, padLo);
    tagLo.intoArray(tags, 0);
    hi.add(LongVector.fromArray(ROW, pads, LANES)).add(1, overflow).intoArray(tags, LANES);
  }
}
