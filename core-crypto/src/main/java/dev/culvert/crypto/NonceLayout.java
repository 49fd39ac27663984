// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

/** How a packet's 64-bit counter and a key's 32-bit prefix make a 96-bit nonce. */
public enum NonceLayout {
  /** Prefix, then the counter in little-endian order: WireGuard (prefix zero), RFC 8439. */
  LITTLE_ENDIAN_COUNTER,
  /**
   * Prefix, then the counter in big-endian order: ESP with AES-GCM, the prefix is the salt (RFC
   * 4106).
   */
  BIG_ENDIAN_COUNTER
}
