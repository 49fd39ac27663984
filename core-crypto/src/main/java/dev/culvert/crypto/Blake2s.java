// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.util.Arrays;
import org.bouncycastle.crypto.digests.Blake2sDigest;

/**
 * BLAKE2s (RFC 7693) in the three forms that WireGuard uses. The parts of an input are hashed one
 * after the other, as if concatenated.
 */
public final class Blake2s {
  /** Bytes of {@link #hash} and {@link #hmac}. */
  public static final int HASH_LENGTH = 32;

  /** Bytes of {@link #keyed16}. */
  public static final int MAC_LENGTH = 16;

  private static final int BLOCK_LENGTH = 64;
  private static final byte INNER_PAD = 0x36;
  private static final byte OUTER_PAD = 0x5c;

  private Blake2s() {}

  /** HASH of the WireGuard paper: BLAKE2s without a key, 32 bytes. */
  public static byte[] hash(byte[]... parts) {
    return finish(new Blake2sDigest(HASH_LENGTH * 8), HASH_LENGTH, parts);
  }

  /**
   * MAC of the WireGuard paper: BLAKE2s in its own keyed mode, 16 bytes.
   *
   * @param key 1 to 32 bytes
   */
  public static byte[] keyed16(byte[] key, byte[]... parts) {
    return keyed(key, MAC_LENGTH, parts);
  }

  /** Keyed BLAKE2s of any length, 1 to 32 bytes. */
  static byte[] keyed(byte[] key, int length, byte[]... parts) {
    if (key.length < 1 || key.length > 32) {
      throw new IllegalArgumentException("BLAKE2s takes no key of " + key.length + " bytes");
    }
    Blake2sDigest digest = new Blake2sDigest(key, length, null, null);
    byte[] result = finish(digest, length, parts);
    digest.clearKey();
    return result;
  }

  /** HMAC of the WireGuard paper: RFC 2104 over BLAKE2s, 32 bytes. Takes a key of any length. */
  public static byte[] hmac(byte[] key, byte[]... parts) {
    byte[] block = key.length > BLOCK_LENGTH ? hash(key) : key.clone();
    byte[] innerKey = padded(block, INNER_PAD);
    byte[] outerKey = padded(block, OUTER_PAD);
    Blake2sDigest inner = new Blake2sDigest(HASH_LENGTH * 8);
    inner.update(innerKey, 0, BLOCK_LENGTH);
    byte[] innerHash = finish(inner, HASH_LENGTH, parts);
    byte[] result = hash(outerKey, innerHash);
    Arrays.fill(block, (byte) 0);
    Arrays.fill(innerKey, (byte) 0);
    Arrays.fill(outerKey, (byte) 0);
    Arrays.fill(innerHash, (byte) 0);
    return result;
  }

  private static byte[] padded(byte[] key, byte pad) {
    byte[] block = Arrays.copyOf(key, BLOCK_LENGTH);
    for (int i = 0; i < BLOCK_LENGTH; i++) {
      block[i] ^= pad;
    }
    return block;
  }

  private static byte[] finish(Blake2sDigest digest, int length, byte[]... parts) {
    for (byte[] part : parts) {
      digest.update(part, 0, part.length);
    }
    byte[] result = new byte[length];
    digest.doFinal(result, 0);
    return result;
  }
}
