package dev.culvert.crypto.vector;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.TrainCipher;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/**
 * ChaCha20-Poly1305 over whole trains in vectors of 512 bits. One message at a time is the work of
 * another backend.
 *
 * <p>Needs the module {@code jdk.incubator.vector}: nothing may mention this class by name, only
 * load it where the module is there.
 */
public final class VectorBackend implements AeadBackend {
  private final AeadBackend oneShot;

  /**
   * @param oneShot seals and opens single messages
   * @throws UnsupportedOperationException where this processor has no such vectors
   */
  public VectorBackend(AeadBackend oneShot) {
    if (IntVector.SPECIES_PREFERRED.vectorBitSize() < ChaCha20.ROW.vectorBitSize()
        || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new UnsupportedOperationException("this processor has no vectors of 512 bits");
    }
    this.oneShot = oneShot;
  }

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public boolean supports(AeadAlgorithm algorithm) {
    return algorithm == AeadAlgorithm.CHACHA20_POLY1305;
  }

  @Override
  public boolean startsSlowly() {
    return true;
  }

  @Override
  public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
    if (!supports(algorithm)) {
      throw new IllegalArgumentException("no vectors for " + algorithm);
    }
    return new VectorTrainCipher();
  }

  @Override
  public byte[] seal(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext) {
    return oneShot.seal(algorithm, key, nonce12, aad, plaintext);
  }

  @Override
  public byte @Nullable [] open(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] ciphertextAndTag) {
    return oneShot.open(algorithm, key, nonce12, aad, ciphertextAndTag);
  }
}
