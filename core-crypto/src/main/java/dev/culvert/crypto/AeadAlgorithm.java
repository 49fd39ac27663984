// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/**
 * The AEADs that seal tunnels. Both take a 96-bit nonce and append a 128-bit tag to the ciphertext.
 */
public enum AeadAlgorithm {
  /** RFC 8439; a 256-bit key. */
  CHACHA20_POLY1305,
  /** NIST SP 800-38D; a 128- or 256-bit key. */
  AES_GCM;

  public boolean acceptsKeyLength(int bytes) {
    return bytes == 32 || (this == AES_GCM && bytes == 16);
  }
}
