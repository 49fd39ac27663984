// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import javax.crypto.KDF;
import javax.crypto.spec.HKDFParameterSpec;

/**
 * AES key and salt of one direction from the transport key that the handshake gives for it:
 * HKDF-SHA-256 (RFC 5869).
 *
 * <p>The info contains the direction and both SPIs, since those are not part of the handshake hash:
 * if an attacker makes the ends disagree on an SPI, their keys differ. It contains no addresses,
 * since the handshake authenticates the ends, and a NAT may change the address that each sees of
 * the other.
 */
final class SaKeySchedule {
  static final int AES_KEY_LENGTH = 32;
  static final int LENGTH = AES_KEY_LENGTH + Integer.BYTES;

  private static final byte[] EXTRACT_SALT = "culvert esp noise v1".getBytes(US_ASCII);
  private static final byte[] LABEL = "sa".getBytes(US_ASCII);

  private SaKeySchedule() {}

  /**
   * Derives AES key and salt.
   *
   * @param transportKey the transport key of this direction
   * @param fromInitiator whether the initiator sends under the derived key
   * @param spi the SPI of the packets, which is the receiver's index
   * @param otherSpi the SPI of the opposite direction
   * @return AES key, then salt, for the caller to wipe
   */
  static byte[] derive(byte[] transportKey, boolean fromInitiator, int spi, int otherSpi) {
    byte[] info =
        ByteBuffer.allocate(LABEL.length + 1 + 2 * Integer.BYTES)
            .put(LABEL)
            .put((byte) (fromInitiator ? 1 : 2))
            .putInt(spi)
            .putInt(otherSpi)
            .array();
    try {
      return KDF.getInstance("HKDF-SHA256")
          .deriveData(
              HKDFParameterSpec.ofExtract()
                  .addSalt(EXTRACT_SALT)
                  .addIKM(transportKey)
                  .thenExpand(info, LENGTH));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HKDF-SHA256", e);
    }
  }
}
