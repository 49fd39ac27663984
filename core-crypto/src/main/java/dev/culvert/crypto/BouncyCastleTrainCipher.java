package dev.culvert.crypto;

import java.util.Arrays;
import org.bouncycastle.crypto.InvalidCipherTextException;
import org.bouncycastle.crypto.modes.AEADCipher;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.jspecify.annotations.Nullable;

/** Trains through one reused engine a direction. */
final class BouncyCastleTrainCipher extends HeapTrainCipher {
  private final AeadAlgorithm algorithm;
  private final AEADCipher sealer;
  private final AEADCipher opener;
  private @Nullable KeyParameter keyInUse;

  BouncyCastleTrainCipher(AeadAlgorithm algorithm) {
    super(algorithm);
    this.algorithm = algorithm;
    sealer = BouncyCastleBackend.newCipher(algorithm);
    opener = BouncyCastleBackend.newCipher(algorithm);
  }

  @Override
  void use(AeadKey key) {
    byte[] bytes = key.key().toByteArray();
    keyInUse = new KeyParameter(bytes);
    Arrays.fill(bytes, (byte) 0);
  }

  @Override
  void sealPacket(int length, int aadLength) {
    try {
      process(sealer, true, length, aadLength);
    } catch (InvalidCipherTextException e) {
      throw new IllegalStateException(algorithm + " failed to seal", e);
    }
  }

  @Override
  boolean openPacket(int length, int aadLength) {
    try {
      process(opener, false, length, aadLength);
      return true;
    } catch (InvalidCipherTextException wrongTag) {
      return false;
    }
  }

  private void process(AEADCipher cipher, boolean sealing, int length, int aadLength)
      throws InvalidCipherTextException {
    cipher.init(sealing, new ParametersWithIV(keyInUse, nonce));
    if (aadLength > 0) {
      cipher.processAADBytes(aad, 0, aadLength);
    }
    int written = cipher.processBytes(input, 0, length, output, 0);
    cipher.doFinal(output, written);
  }
}
