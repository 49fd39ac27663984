// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * One AEAD key with the rule that makes its nonces. Immutable and shared by all lanes until it is
 * closed; each backend derives its own form of the key in its own scratch memory.
 */
public final class AeadKey implements AutoCloseable {
  /** Bytes of a nonce: the prefix and a packet's counter. */
  public static final int NONCE_LENGTH = 12;

  private static final int NONCE_COUNTER_OFFSET = 4;
  private static final VarHandle BIG_ENDIAN_INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle BIG_ENDIAN_LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LITTLE_ENDIAN_LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final AeadAlgorithm algorithm;
  private final SecretBytes key;
  private final NonceLayout nonceLayout;
  private final int noncePrefix;

  /**
   * Takes over {@code key}: closing this closes it.
   *
   * @param noncePrefix the first four bytes of every nonce, in network order: 0 for WireGuard, the
   *     salt for ESP
   * @throws IllegalArgumentException if the key's length does not fit the algorithm
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

  /**
   * Copies the key into {@code scratch}, which must have the key's length. Backends call this and
   * wipe the copy after each run.
   *
   * @throws IllegalStateException if the key is closed
   */
  public void copyTo(byte[] scratch) {
    key.copyTo(scratch);
  }

  /**
   * Fails if the key is closed.
   *
   * @throws IllegalStateException then
   */
  public void requireOpen() {
    key.live();
  }

  public NonceLayout nonceLayout() {
    return nonceLayout;
  }

  public int noncePrefix() {
    return noncePrefix;
  }

  /** Puts the nonce of the packet with this counter into {@code nonce12}. */
  void putNonce(long counter, byte[] nonce12) {
    BIG_ENDIAN_INT.set(nonce12, 0, noncePrefix);
    switch (nonceLayout) {
      case LITTLE_ENDIAN_COUNTER -> LITTLE_ENDIAN_LONG.set(nonce12, NONCE_COUNTER_OFFSET, counter);
      case BIG_ENDIAN_COUNTER -> BIG_ENDIAN_LONG.set(nonce12, NONCE_COUNTER_OFFSET, counter);
    }
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
