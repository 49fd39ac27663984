// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/** The checks that all backends make before they seal or open one message. */
final class OneShot {
  private OneShot() {}

  static void check(AeadAlgorithm algorithm, byte[] key, byte[] nonce) {
    if (!fits(algorithm, key, nonce)) {
      throw new IllegalArgumentException(
          algorithm + " takes no key of " + key.length + " bytes and nonce of " + nonce.length);
    }
  }

  static boolean canOpen(AeadAlgorithm algorithm, byte[] key, byte[] nonce, byte[] input) {
    return fits(algorithm, key, nonce) && input.length >= TrainCipher.TAG_LENGTH;
  }

  private static boolean fits(AeadAlgorithm algorithm, byte[] key, byte[] nonce) {
    return algorithm.acceptsKeyLength(key.length) && nonce.length == AeadKey.NONCE_LENGTH;
  }
}
