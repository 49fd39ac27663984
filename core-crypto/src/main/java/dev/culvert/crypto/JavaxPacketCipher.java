// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import org.jspecify.annotations.Nullable;

/**
 * One reused {@link Cipher}. The JDK's cipher refuses to seal under the key and nonce that it was
 * last set up with; this class keeps that safeguard.
 */
final class JavaxPacketCipher implements PacketCipher {
  private final AeadAlgorithm algorithm;
  private final int mode;
  private final Cipher cipher;
  private @Nullable JavaxKey keyInUse;

  /**
   * @param mode {@link Cipher#ENCRYPT_MODE} or {@link Cipher#DECRYPT_MODE}
   */
  JavaxPacketCipher(AeadAlgorithm algorithm, int mode) {
    this.algorithm = algorithm;
    this.mode = mode;
    try {
      cipher = JavaxBackend.newCipher(algorithm);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK lacks " + algorithm, e);
    }
  }

  @Override
  public void use(AeadKey key) {
    if (keyInUse == null || !keyInUse.isOf(key)) {
      keyInUse = new JavaxKey(key);
    }
  }

  @Override
  public boolean process(
      byte[] nonce, byte[] aad, int aadLength, byte[] input, int length, byte[] output) {
    try {
      cipher.init(mode, keyInUse, JavaxBackend.parameters(algorithm, nonce));
      if (aadLength > 0) {
        cipher.updateAAD(aad, 0, aadLength);
      }
      cipher.doFinal(input, 0, length, output, 0);
      return true;
    } catch (AEADBadTagException wrongTag) {
      return false;
    } catch (InvalidKeyException | InvalidAlgorithmParameterException e) {
      throw new IllegalStateException(algorithm + " refuses the key or the nonce", e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(algorithm + " failed", e);
    }
  }
}
