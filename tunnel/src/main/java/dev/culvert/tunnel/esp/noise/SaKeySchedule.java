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
 * <p>The info names the direction and both SPIs, since those travel outside the handshake hash:
 * ends that were made to disagree on an SPI have no key in common. It names no addresses: the
 * handshake has proved who the ends are, and a NAT may change what each takes for the other's
 * address.
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
   * @param transportKey of this direction
   * @param fromInitiator whether packets under the derived key are the initiator's
   * @param spi of the packets: the receiver's index
   * @param otherSpi of the opposite direction
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
