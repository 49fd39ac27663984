// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/** An AEAD in one direction, over byte arrays and one packet at a time. */
interface PacketCipher {
  /** Sets the key. Called first for every run. */
  void use(AeadKey key);

  /**
   * Seals, or opens, the first {@code length} bytes of {@code input} into {@code output}; when
   * opening, {@code length} includes the tag.
   *
   * @return false if the tag is wrong
   * @throws IllegalStateException if this would seal under the nonce of the packet before
   */
  boolean process(byte[] nonce, byte[] aad, int aadLength, byte[] input, int length, byte[] output);
}
