// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/**
 * A Curve25519 public key, which identifies a peer. A value; its text is base64, as {@code wg}
 * shows it.
 */
public final class PublicKey {
  public static final int LENGTH = 32;

  private final byte[] bytes;

  private PublicKey(byte[] bytes) {
    if (bytes.length != LENGTH) {
      throw new IllegalArgumentException("a public key is 32 bytes, not " + bytes.length);
    }
    this.bytes = bytes;
  }

  public static PublicKey of(byte[] bytes) {
    return new PublicKey(bytes.clone());
  }

  /**
   * Parses 44 characters of base64, as {@code wg pubkey} prints them.
   *
   * @throws IllegalArgumentException if {@code text} is no key
   */
  public static PublicKey parseBase64(String text) {
    byte[] decoded;
    try {
      decoded = Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("not a base64 public key", e);
    }
    PublicKey key = new PublicKey(decoded);
    if (!key.toString().equals(text)) {
      throw new IllegalArgumentException("not a base64 public key of 44 characters");
    }
    return key;
  }

  /**
   * Parses 64 hexadecimal digits, as the UAPI writes them.
   *
   * @throws IllegalArgumentException if {@code text} is no key
   */
  public static PublicKey parseHex(String text) {
    return new PublicKey(HexFormat.of().parseHex(text));
  }

  public byte[] toByteArray() {
    return bytes.clone();
  }

  public String toHex() {
    return HexFormat.of().formatHex(bytes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PublicKey that && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
