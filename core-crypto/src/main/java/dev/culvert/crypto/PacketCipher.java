package dev.culvert.crypto;

/** An AEAD in one direction, over byte arrays and one packet at a time. */
interface PacketCipher {
  /** Called first for every run: makes {@code key} the one in use. */
  void use(AeadKey key);

  /**
   * Seals, or opens, the first {@code length} bytes of {@code input} into {@code output}; when
   * opening, {@code length} includes the tag.
   *
   * @return false where the tag is wrong
   * @throws IllegalStateException where this would seal under the nonce of the packet before
   */
  boolean process(byte[] nonce, byte[] aad, int aadLength, byte[] input, int length, byte[] output);
}
