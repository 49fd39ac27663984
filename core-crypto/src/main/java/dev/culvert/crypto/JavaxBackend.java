// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.security.GeneralSecurityException;
import java.security.spec.AlgorithmParameterSpec;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/** The AEADs of the JDK's own providers, which the JVM compiles to AES and vector instructions. */
final class JavaxBackend implements AeadBackend {
  @Override
  public String name() {
    return "javax";
  }

  @Override
  public boolean supports(AeadAlgorithm algorithm) {
    return true;
  }

  @Override
  public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
    return new HeapTrainCipher(
        algorithm,
        new JavaxPacketCipher(algorithm, Cipher.ENCRYPT_MODE),
        new JavaxPacketCipher(algorithm, Cipher.DECRYPT_MODE));
  }

  @Override
  public byte[] seal(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext) {
    OneShot.check(algorithm, key, nonce12);
    try {
      return process(Cipher.ENCRYPT_MODE, algorithm, key, nonce12, aad, plaintext);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(algorithm + " failed to seal", e);
    }
  }

  @Override
  public byte @Nullable [] open(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] ciphertextAndTag) {
    if (!OneShot.canOpen(algorithm, key, nonce12, ciphertextAndTag)) {
      return null;
    }
    try {
      return process(Cipher.DECRYPT_MODE, algorithm, key, nonce12, aad, ciphertextAndTag);
    } catch (AEADBadTagException wrongTag) {
      return null;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(algorithm + " failed to open", e);
    }
  }

  private static byte[] process(
      int mode, AeadAlgorithm algorithm, byte[] key, byte[] nonce, byte[] aad, byte[] input)
      throws GeneralSecurityException {
    Cipher cipher = newCipher(algorithm);
    SecretKey secretKey = new SecretKeySpec(key, keyAlgorithm(algorithm));
    cipher.init(mode, secretKey, parameters(algorithm, nonce));
    cipher.updateAAD(aad);
    return cipher.doFinal(input);
  }

  static Cipher newCipher(AeadAlgorithm algorithm) throws GeneralSecurityException {
    return Cipher.getInstance(
        switch (algorithm) {
          case CHACHA20_POLY1305 -> "ChaCha20-Poly1305";
          case AES_GCM -> "AES/GCM/NoPadding";
        });
  }

  static String keyAlgorithm(AeadAlgorithm algorithm) {
    return switch (algorithm) {
      case CHACHA20_POLY1305 -> "ChaCha20";
      case AES_GCM -> "AES";
    };
  }

  /** Takes its own copy of {@code nonce}, as all parameter specs do. */
  static AlgorithmParameterSpec parameters(AeadAlgorithm algorithm, byte[] nonce) {
    return switch (algorithm) {
      case CHACHA20_POLY1305 -> new IvParameterSpec(nonce);
      case AES_GCM -> new GCMParameterSpec(TrainCipher.TAG_LENGTH * 8, nonce);
    };
  }
}
