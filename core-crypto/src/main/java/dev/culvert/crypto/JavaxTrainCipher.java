package dev.culvert.crypto;

import java.security.GeneralSecurityException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import org.jspecify.annotations.Nullable;

/**
 * Trains through one reused {@link Cipher} a direction. A Cipher refuses to seal under the very key
 * and nonce that it was last set up with; that safeguard is kept, and has a Cipher for opening
 * apart so that only sealing counts.
 */
final class JavaxTrainCipher extends HeapTrainCipher {
  private final AeadAlgorithm algorithm;
  private final Cipher sealer;
  private final Cipher opener;
  private @Nullable KeyView keyInUse;

  JavaxTrainCipher(AeadAlgorithm algorithm) {
    super(algorithm);
    this.algorithm = algorithm;
    try {
      sealer = JavaxBackend.newCipher(algorithm);
      opener = JavaxBackend.newCipher(algorithm);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK lacks " + algorithm, e);
    }
  }

  @Override
  void use(AeadKey key) {
    if (keyInUse == null || keyInUse.key != key) {
      keyInUse = new KeyView(key);
    }
  }

  @Override
  void sealPacket(int length, int aadLength) {
    try {
      sealer.init(Cipher.ENCRYPT_MODE, keyInUse, JavaxBackend.parameters(algorithm, nonce));
      if (aadLength > 0) {
        sealer.updateAAD(aad, 0, aadLength);
      }
      sealer.doFinal(input, 0, length, output, 0);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(algorithm + " failed to seal", e);
    }
  }

  @Override
  boolean openPacket(int length, int aadLength) {
    try {
      opener.init(Cipher.DECRYPT_MODE, keyInUse, JavaxBackend.parameters(algorithm, nonce));
      if (aadLength > 0) {
        opener.updateAAD(aad, 0, aadLength);
      }
      opener.doFinal(input, 0, length, output, 0);
      return true;
    } catch (AEADBadTagException wrongTag) {
      return false;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(algorithm + " failed to open", e);
    }
  }

  /**
   * An {@link AeadKey} as javax.crypto wants to see it. Unlike a SecretKeySpec it holds no copy of
   * the key: closing the key closes this.
   */
  private static final class KeyView implements SecretKey {
    private static final long serialVersionUID = 1;

    private final transient AeadKey key;

    KeyView(AeadKey key) {
      this.key = key;
    }

    @Override
    public String getAlgorithm() {
      return JavaxBackend.keyAlgorithm(key.algorithm());
    }

    @Override
    public String getFormat() {
      return "RAW";
    }

    /** A copy, as the interface demands; the Cipher wipes it. */
    @Override
    public byte[] getEncoded() {
      return key.key().toByteArray();
    }
  }
}
