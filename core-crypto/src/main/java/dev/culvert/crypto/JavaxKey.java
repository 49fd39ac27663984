// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import javax.crypto.SecretKey;

/**
 * An {@link AeadKey} as a key of javax.crypto. Unlike a SecretKeySpec it holds no copy of the key:
 * closing the key closes this.
 */
final class JavaxKey implements SecretKey {
  private static final long serialVersionUID = 1;

  private final transient AeadKey key;

  JavaxKey(AeadKey key) {
    this.key = key;
  }

  boolean isOf(AeadKey other) {
    return key == other;
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
