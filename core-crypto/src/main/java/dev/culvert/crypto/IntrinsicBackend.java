package dev.culvert.crypto;

import org.jspecify.annotations.Nullable;

/**
 * AES-GCM put together from the JDK's compiled parts, AES over many blocks and GHASH, with one set
 * up a key instead of one a packet. One message at a time is the work of another backend.
 */
final class IntrinsicBackend implements AeadBackend {
  static final String NAME = "intrinsic";

  private final AeadBackend oneShot;

  /**
   * @param oneShot seals and opens single messages
   * @throws UnsupportedOperationException where this JVM keeps GHASH to itself
   */
  IntrinsicBackend(AeadBackend oneShot) {
    if (!Ghash.isAccessible()) {
      throw new UnsupportedOperationException(
          "the JVM runs without --add-opens " + Ghash.PACKAGE + "=ALL-UNNAMED, or is another");
    }
    this.oneShot = oneShot;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean supports(AeadAlgorithm algorithm) {
    return algorithm == AeadAlgorithm.AES_GCM;
  }

  /** GHASH that is not compiled yet takes 128 steps a block. */
  @Override
  public boolean startsSlowly() {
    return true;
  }

  @Override
  public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
    if (!supports(algorithm)) {
      throw new IllegalArgumentException("no parts for " + algorithm);
    }
    return new GcmTrainCipher();
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
