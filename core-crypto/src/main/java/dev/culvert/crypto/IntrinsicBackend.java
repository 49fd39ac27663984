package dev.culvert.crypto;

/**
 * AES-GCM put together from the JDK's compiled parts, AES over many blocks and GHASH, with one set
 * up a key instead of one a packet. Slow until it is compiled: GHASH takes 128 steps a block then.
 */
final class IntrinsicBackend extends TrainBackend {
  static final String NAME = "intrinsic";

  /**
   * @param oneShot seals and opens single messages
   * @throws UnsupportedOperationException where this JVM keeps GHASH to itself
   */
  IntrinsicBackend(AeadBackend oneShot) {
    super(NAME, AeadAlgorithm.AES_GCM, GcmTrainCipher::new, oneShot);
    if (!Ghash.isAccessible()) {
      throw new UnsupportedOperationException(
          "the JVM runs without --add-opens " + Ghash.PACKAGE + "=ALL-UNNAMED, or is another");
    }
  }
}
