// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.util.Arrays;
import org.bouncycastle.crypto.InvalidCipherTextException;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.jspecify.annotations.Nullable;

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), which seals WireGuard's cookies: its 192-bit
 * nonce may be drawn at random.
 */
public final class XChaCha20Poly1305 {
  public static final int KEY_LENGTH = 32;
  public static final int NONCE_LENGTH = 24;
  public static final int TAG_LENGTH = 16;

  private XChaCha20Poly1305() {}

  /**
   * Ciphertext and tag, 16 bytes longer than {@code plaintext}.
   *
   * @throws IllegalArgumentException if the key or the nonce has another length
   */
  public static byte[] seal(byte[] key, byte[] nonce24, byte[] aad, byte[] plaintext) {
    if (key.length != KEY_LENGTH || nonce24.length != NONCE_LENGTH) {
      throw new IllegalArgumentException(
          "key of " + key.length + " bytes, nonce of " + nonce24.length);
    }
    try {
      return process(true, key, nonce24, aad, plaintext);
    } catch (InvalidCipherTextException e) {
      throw new AssertionError("sealing checks no tag", e);
    }
  }

  /** The plaintext; null if the tag is wrong or anything has a wrong length. */
  public static byte @Nullable [] open(
      byte[] key, byte[] nonce24, byte[] aad, byte[] ciphertextAndTag) {
    if (key.length != KEY_LENGTH
        || nonce24.length != NONCE_LENGTH
        || ciphertextAndTag.length < TAG_LENGTH) {
      return null;
    }
    try {
      return process(false, key, nonce24, aad, ciphertextAndTag);
    } catch (InvalidCipherTextException wrongTag) {
      return null;
    }
  }

  private static byte[] process(boolean sealing, byte[] key, byte[] nonce, byte[] aad, byte[] input)
      throws InvalidCipherTextException {
    var cipher = new org.bouncycastle.crypto.modes.XChaCha20Poly1305();
    KeyParameter keyParameter = new KeyParameter(key);
    try {
      cipher.init(sealing, new ParametersWithIV(keyParameter, nonce));
      cipher.processAADBytes(aad, 0, aad.length);
      byte[] output = new byte[cipher.getOutputSize(input.length)];
      int written = cipher.processBytes(input, 0, input.length, output, 0);
      cipher.doFinal(output, written);
      return output;
    } finally {
      Arrays.fill(keyParameter.getKey(), (byte) 0);
    }
  }
}
