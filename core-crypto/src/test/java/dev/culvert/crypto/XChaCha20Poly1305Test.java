// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/**
 * XChaCha20-Poly1305 gives the draft's vector and opens nothing if one bit of ciphertext, tag,
 * nonce or associated data is changed.
 */
class XChaCha20Poly1305Test {
  private static final byte[] KEY =
      Vectors.hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  private static final byte[] NONCE =
      Vectors.hex("404142434445464748494a4b4c4d4e4f5051525354555657");
  private static final byte[] AAD = Vectors.hex("50515253c0c1c2c3c4c5c6c7");
  private static final byte[] PLAINTEXT =
      ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the"
              + " future, sunscreen would be it.")
          .getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SEALED =
      Vectors.hex(
          "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
              + "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
              + "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
              + "21f9664c97637da9768812f615c68b13b52e"
              + "c0875924c1c7987947deafd8780acf49");

  /** draft-irtf-cfrg-xchacha-03, appendix A.3.1; tcId 1 of Wycheproof's file for this cipher. */
  @Test
  void answersTheDraftsVector() {
    byte[] sealed = XChaCha20Poly1305.seal(KEY, NONCE, AAD, PLAINTEXT);
    assertArrayEquals(SEALED, sealed);
    assertArrayEquals(PLAINTEXT, XChaCha20Poly1305.open(KEY, NONCE, AAD, SEALED));
    Vectors.report("xchacha20-poly1305 draft:", 1, 1);
  }

  @Test
  void refusesEveryFlippedBitOfCiphertextTagNonceAndAad() {
    int refused = 0;
    for (int bit = 0; bit < SEALED.length * 8; bit++) {
      refused += XChaCha20Poly1305.open(KEY, NONCE, AAD, flip(SEALED, bit)) == null ? 1 : 0;
    }
    for (int bit = 0; bit < NONCE.length * 8; bit++) {
      refused += XChaCha20Poly1305.open(KEY, flip(NONCE, bit), AAD, SEALED) == null ? 1 : 0;
    }
    for (int bit = 0; bit < AAD.length * 8; bit++) {
      refused += XChaCha20Poly1305.open(KEY, NONCE, flip(AAD, bit), SEALED) == null ? 1 : 0;
    }
    assertEquals((SEALED.length + NONCE.length + AAD.length) * 8, refused);
  }

  @Test
  void sealsACookieOf16BytesTo32() {
    byte[] cookie = new byte[16];
    byte[] sealed = XChaCha20Poly1305.seal(KEY, NONCE, AAD, cookie);
    assertEquals(32, sealed.length);
    assertArrayEquals(cookie, XChaCha20Poly1305.open(KEY, NONCE, AAD, sealed));
  }

  @Test
  void malformedInputOpensToNothing() {
    assertNull(XChaCha20Poly1305.open(new byte[31], NONCE, AAD, SEALED));
    assertNull(XChaCha20Poly1305.open(KEY, new byte[12], AAD, SEALED));
    assertNull(XChaCha20Poly1305.open(KEY, NONCE, AAD, new byte[15]));
    assertNull(XChaCha20Poly1305.open(KEY, NONCE, AAD, new byte[0]));
  }

  @Test
  void refusesToSealWithAKeyOrNonceOfAnotherLength() {
    assertThrows(
        IllegalArgumentException.class,
        () -> XChaCha20Poly1305.seal(new byte[16], NONCE, AAD, PLAINTEXT));
    assertThrows(
        IllegalArgumentException.class,
        () -> XChaCha20Poly1305.seal(KEY, new byte[12], AAD, PLAINTEXT));
  }

  private static byte[] flip(byte[] bytes, int bit) {
    byte[] flipped = bytes.clone();
    flipped[bit / 8] ^= (byte) (1 << (bit % 8));
    return flipped;
  }
}
