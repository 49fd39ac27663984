// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.util.function.Supplier;

/**
 * AEADs built from routines of the JDK's provider that the JVM compiles to special instructions,
 * without the set-up per packet of javax.crypto.
 */
final class IntrinsicBackend extends TrainBackend {
  static final String NAME = "intrinsic";

  private final boolean startsSlowly;

  private IntrinsicBackend(
      AeadAlgorithm algorithm,
      Supplier<TrainCipher> trainCiphers,
      AeadBackend oneShot,
      boolean startsSlowly) {
    super(NAME, algorithm, trainCiphers, oneShot);
    this.startsSlowly = startsSlowly;
  }

  /**
   * AES over many blocks and GHASH, with one set-up per key. It is slow until the JVM has compiled
   * it: interpreted, GHASH takes 128 steps per block.
   *
   * @param oneShot seals and opens single messages
   * @throws UnsupportedOperationException if this JVM keeps GHASH to itself
   */
  static IntrinsicBackend aesGcm(AeadBackend oneShot) {
    if (!Ghash.isAccessible()) {
      throw ProviderAccess.missing();
    }
    return new IntrinsicBackend(AeadAlgorithm.AES_GCM, GcmTrainCipher::new, oneShot, true);
  }

  /**
   * Blocks of ChaCha20 and Poly1305. Two small methods call the routines, so the JVM has compiled
   * these within a moment, long before it has compiled javax.crypto.
   *
   * @param oneShot seals and opens single messages
   * @throws UnsupportedOperationException if this JVM keeps the routines to itself
   */
  static IntrinsicBackend chaCha20Poly1305(AeadBackend oneShot) {
    if (!ChaCha20Blocks.isAccessible() || !Poly1305Mac.isAccessible()) {
      throw ProviderAccess.missing();
    }
    return new IntrinsicBackend(
        AeadAlgorithm.CHACHA20_POLY1305, ChaChaTrainCipher::new, oneShot, false);
  }

  @Override
  public boolean startsSlowly() {
    return startsSlowly;
  }
}
