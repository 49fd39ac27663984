package dev.culvert.crypto;

/**
 * One AEAD key with the rule that makes its nonces. Immutable and shared by all lanes until it is
 * closed; each backend derives what it needs from it in its own scratch.
 */
public final class AeadKey implements AutoCloseable {
  private final AeadAlgorithm algorithm;
  private final SecretBytes key;
  private final NonceLayout nonceLayout;
  private final int noncePrefix;

  /**
   * Takes over {@code key}: closing this closes it.
   *
   * @param noncePrefix the first four bytes of every nonce, in network order: 0 for WireGuard, the
   *     salt for ESP
   * @throws IllegalArgumentException where the key's length does not fit the algorithm
   */
  public AeadKey(
      AeadAlgorithm algorithm, SecretBytes key, NonceLayout nonceLayout, int noncePrefix) {
    if (!algorithm.acceptsKeyLength(key.length())) {
      throw new IllegalArgumentException(algorithm + " takes no key of " + key.length() + " bytes");
    }
    this.algorithm = algorithm;
    this.key = key;
    this.nonceLayout = nonceLayout;
    this.noncePrefix = noncePrefix;
  }

  public AeadAlgorithm algorithm() {
    return algorithm;
  }

  /** The key itself, for backends in this package. */
  SecretBytes key() {
    return key;
  }

  public NonceLayout nonceLayout() {
    return nonceLayout;
  }

  public int noncePrefix() {
    return noncePrefix;
  }

  @Override
  public void close() {
    key.close();
  }

  @Override
  public String toString() {
    return "AeadKey[" + algorithm + "]";
  }
}
