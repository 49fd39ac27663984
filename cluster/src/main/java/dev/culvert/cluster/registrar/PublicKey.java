// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.crypto.X25519;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A public key of X25519 in base64. One key has one text: other encodings of the same point are
 * refused, since two nodes could otherwise claim one key under two texts.
 */
final class PublicKey {
  /** 2^255 - 19, little-endian: a key of this value or more is not reduced. */
  private static final byte[] PRIME = prime();

  /** All reduced points whose order divides the cofactor 8. */
  private static final Set<String> LOW_ORDER =
      Set.of(
          "0000000000000000000000000000000000000000000000000000000000000000",
          "0100000000000000000000000000000000000000000000000000000000000000",
          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");

  private PublicKey() {}

  /** The 32 bytes, or null if {@code base64} is not a key, or a key of low order. */
  static byte @Nullable [] parse(@Nullable String base64) {
    if (base64 == null || base64.length() != 44) {
      return null;
    }
    byte[] key;
    try {
      key = Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      return null;
    }
    boolean oneText = Base64.getEncoder().encodeToString(key).equals(base64);
    return key.length == X25519.KEY_LENGTH && oneText && isReduced(key) && !isLowOrder(key)
        ? key
        : null;
  }

  private static boolean isReduced(byte[] key) {
    for (int i = key.length - 1; i >= 0; i--) {
      int order = Byte.compareUnsigned(key[i], PRIME[i]);
      if (order != 0) {
        return order < 0;
      }
    }
    return false;
  }

  /** Such a key makes the same secret, zero, with every other key, so it proves nothing. */
  private static boolean isLowOrder(byte[] key) {
    return LOW_ORDER.contains(HexFormat.of().formatHex(key));
  }

  private static byte[] prime() {
    byte[] prime = new byte[X25519.KEY_LENGTH];
    Arrays.fill(prime, (byte) 0xff);
    prime[0] = (byte) 0xed;
    prime[31] = 0x7f;
    return prime;
  }
}
