// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import org.jspecify.annotations.Nullable;

/**
 * One implementation of the AEADs. A backend has no state and is shared between threads; its
 * ciphers have state and belong to one thread each.
 */
public interface AeadBackend {
  /** A short name for status and logs, such as {@code javax}. */
  String name();

  boolean supports(AeadAlgorithm algorithm);

  /**
   * Whether this backend is fast only once the JVM has compiled it, seconds after its first train.
   * {@link AeadBackends#first} does not choose such a backend.
   */
  default boolean startsSlowly() {
    return false;
  }

  /** A cipher for one thread, for keys of {@code algorithm} only. */
  TrainCipher newTrainCipher(AeadAlgorithm algorithm);

  /**
   * Seals one message: for handshakes and tests, not for the packet path.
   *
   * @return ciphertext and tag, 16 bytes longer than {@code plaintext}
   * @throws IllegalArgumentException if the key or the nonce has a wrong length
   */
  byte[] seal(AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext);

  /** The plaintext; null if the tag is wrong or anything has a wrong length. */
  byte @Nullable [] open(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] ciphertextAndTag);
}
