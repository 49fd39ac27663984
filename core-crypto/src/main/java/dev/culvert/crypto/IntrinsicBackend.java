// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/**
 * AES-GCM built from the JDK's compiled parts, AES over many blocks and GHASH, with one set-up per
 * key instead of one per packet. It is slow until the JVM has compiled it: interpreted, GHASH takes
 * 128 steps per block.
 */
final class IntrinsicBackend extends TrainBackend {
  static final String NAME = "intrinsic";

  /**
   * @param oneShot seals and opens single messages
   * @throws UnsupportedOperationException if this JVM keeps GHASH to itself
   */
  IntrinsicBackend(AeadBackend oneShot) {
    super(NAME, AeadAlgorithm.AES_GCM, GcmTrainCipher::new, oneShot);
    if (!Ghash.isAccessible()) {
      throw new UnsupportedOperationException(
          "the JVM runs without --add-opens " + Ghash.PACKAGE + "=ALL-UNNAMED, or is another");
    }
  }
}
