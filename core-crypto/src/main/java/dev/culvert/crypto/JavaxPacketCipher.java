package dev.culvert.crypto;

import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import org.jspecify.annotations.Nullable;

/**
 * One reused {@link Cipher}. It refuses to seal under the very key and nonce that it was last set
 * up with; that safeguard is kept.
 */
final class JavaxPacketCipher implements PacketCipher {
  private final AeadAlgorithm algorithm;
  private final int mode;
  private final Cipher cipher;
  private @Nullable KeyView keyInUse;

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
    if (keyInUse == null || keyInUse.key != key) {
      keyInUse = new KeyView(key);
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

    /** A copy, as the interface demands; the Cipher keeps or wipes it. */
    @Override
    public byte[] getEncoded() {
      return key.key().toByteArray();
    }
  }
}
