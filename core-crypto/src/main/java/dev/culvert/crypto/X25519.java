// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.security.SecureRandom;
import java.util.Arrays;

/** Diffie-Hellman on Curve25519 (RFC 7748). Private keys, public keys and results are 32 bytes. */
public final class X25519 {
  public static final int KEY_LENGTH = 32;

  private X25519() {}

  /** A new private key, already clamped, for the caller to wipe. */
  public static byte[] generatePrivateKey(SecureRandom random) {
    byte[] key = new byte[KEY_LENGTH];
    random.nextBytes(key);
    clamp(key);
    return key;
  }

  /** Sets and clears the bits that RFC 7748, section 5, fixes in a private key. */
  public static void clamp(byte[] privateKey) {
    check(privateKey, "private key");
    privateKey[0] &= (byte) 0xf8;
    privateKey[31] &= 0x7f;
    privateKey[31] |= 0x40;
  }

  /** The public key that belongs to {@code privateKey}, clamped or not. */
  public static byte[] publicKey(byte[] privateKey) {
    check(privateKey, "private key");
    byte[] publicKey = new byte[KEY_LENGTH];
    org.bouncycastle.math.ec.rfc7748.X25519.scalarMultBase(privateKey, 0, publicKey, 0);
    return publicKey;
  }

  /**
   * Puts the shared secret into {@code shared}, for the caller to wipe.
   *
   * @return false if the result is all zero, since a public key of low order then chose it (RFC
   *     7748, section 6.1). Such a secret must not be used. The time taken is the same either way.
   */
  public static boolean agree(byte[] privateKey, byte[] publicKey, byte[] shared) {
    check(privateKey, "private key");
    check(publicKey, "public key");
    check(shared, "shared secret");
    org.bouncycastle.math.ec.rfc7748.X25519.scalarMult(privateKey, 0, publicKey, 0, shared, 0);
    int or = 0;
    for (byte b : shared) {
      or |= b;
    }
    if (or == 0) {
      Arrays.fill(shared, (byte) 0);
      return false;
    }
    return true;
  }

  private static void check(byte[] bytes, String name) {
    if (bytes.length != KEY_LENGTH) {
      throw new IllegalArgumentException("a " + name + " is 32 bytes, not " + bytes.length);
    }
  }
}
