// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.util.Arrays;

/** The key derivation of the WireGuard paper, section 5.4: HKDF (RFC 5869) over HMAC-BLAKE2s. */
public final class Kdf {
  private Kdf() {}

  /**
   * KDF_n: {@code n} values of 32 bytes each, for the caller to wipe.
   *
   * @param n 1 to 3
   * @param chainingKey the salt of HKDF
   * @param input the input key material
   */
  public static byte[][] derive(int n, byte[] chainingKey, byte[] input) {
    if (n < 1 || n > 3) {
      throw new IllegalArgumentException("KDF_n has n of 1 to 3, not " + n);
    }
    byte[] secret = Blake2s.hmac(chainingKey, input);
    byte[][] derived = new byte[n][];
    byte[] previous = {};
    for (int i = 0; i < n; i++) {
      derived[i] = Blake2s.hmac(secret, previous, new byte[] {(byte) (i + 1)});
      previous = derived[i];
    }
    Arrays.fill(secret, (byte) 0);
    return derived;
  }
}
