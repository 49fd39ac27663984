// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import org.bouncycastle.crypto.InvalidCipherTextException;
import org.bouncycastle.crypto.engines.AESEngine;
import org.bouncycastle.crypto.modes.AEADCipher;
import org.bouncycastle.crypto.modes.ChaCha20Poly1305;
import org.bouncycastle.crypto.modes.GCMBlockCipher;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.jspecify.annotations.Nullable;

/** The AEADs of Bouncy Castle's lightweight API: plain Java, the same on every processor. */
final class BouncyCastleBackend implements AeadBackend {
  @Override
  public String name() {
    return "bouncycastle";
  }

  @Override
  public boolean supports(AeadAlgorithm algorithm) {
    return true;
  }

  @Override
  public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
    return new HeapTrainCipher(
        algorithm,
        new BouncyCastlePacketCipher(algorithm, true),
        new BouncyCastlePacketCipher(algorithm, false));
  }

  @Override
  public byte[] seal(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext) {
    OneShot.check(algorithm, key, nonce12);
    try {
      return process(true, algorithm, key, nonce12, aad, plaintext);
    } catch (InvalidCipherTextException e) {
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
      return process(false, algorithm, key, nonce12, aad, ciphertextAndTag);
    } catch (InvalidCipherTextException wrongTag) {
      return null;
    }
  }

  private static byte[] process(
      boolean sealing, AeadAlgorithm algorithm, byte[] key, byte[] nonce, byte[] aad, byte[] input)
      throws InvalidCipherTextException {
    AEADCipher cipher = newCipher(algorithm);
    cipher.init(sealing, new ParametersWithIV(new KeyParameter(key), nonce));
    cipher.processAADBytes(aad, 0, aad.length);
    byte[] output = new byte[cipher.getOutputSize(input.length)];
    int written = cipher.processBytes(input, 0, input.length, output, 0);
    cipher.doFinal(output, written);
    return output;
  }

  static AEADCipher newCipher(AeadAlgorithm algorithm) {
    return switch (algorithm) {
      case CHACHA20_POLY1305 -> new ChaCha20Poly1305();
      case AES_GCM -> GCMBlockCipher.newInstance(AESEngine.newInstance());
    };
  }
}
