// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.util.Arrays;
import org.bouncycastle.crypto.InvalidCipherTextException;
import org.bouncycastle.crypto.modes.AEADCipher;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.jspecify.annotations.Nullable;

/**
 * One reused engine. The first packet of a run sets the key, and the engine computes its tables;
 * the others reuse them.
 */
final class BouncyCastlePacketCipher implements PacketCipher {
  private final AeadAlgorithm algorithm;
  private final boolean sealing;
  private final AEADCipher engine;

  /**
   * The key that the engine has. The engine compares it by identity of the array to notice a nonce
   * that is used twice.
   */
  private @Nullable KeyParameter keyInUse;

  private @Nullable KeyParameter nextKey;

  BouncyCastlePacketCipher(AeadAlgorithm algorithm, boolean sealing) {
    this.algorithm = algorithm;
    this.sealing = sealing;
    this.engine = BouncyCastleBackend.newCipher(algorithm);
  }

  @Override
  public void use(AeadKey key) {
    byte[] bytes = key.key().toByteArray();
    nextKey = new KeyParameter(bytes);
    Arrays.fill(bytes, (byte) 0);
  }

  @Override
  public boolean process(
      byte[] nonce, byte[] aad, int aadLength, byte[] input, int length, byte[] output) {
    try {
      init(nonce);
      if (aadLength > 0) {
        engine.processAADBytes(aad, 0, aadLength);
      }
      int written = engine.processBytes(input, 0, length, output, 0);
      engine.doFinal(output, written);
      return true;
    } catch (InvalidCipherTextException wrongTag) {
      return false;
    }
  }

  private void init(byte[] nonce) {
    try {
      engine.init(sealing, new ParametersWithIV(nextKey, nonce));
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(algorithm + " refuses the key or the nonce", e);
    }
    if (nextKey != null) {
      if (keyInUse != null) {
        Arrays.fill(keyInUse.getKey(), (byte) 0);
      }
      keyInUse = nextKey;
      nextKey = null;
    }
  }
}
