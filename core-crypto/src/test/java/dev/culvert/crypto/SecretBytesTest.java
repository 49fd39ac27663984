// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * Secret bytes and AEAD keys show no content in their text and are wiped when they are closed,
 * after which secret bytes refuse every use.
 */
class SecretBytesTest {
  private static final byte[] SECRET = Vectors.hex("00112233445566778899aabbccddeeff");

  @Test
  void showsOnlyItsLength() {
    try (SecretBytes secret = SecretBytes.copyOf(SECRET)) {
      assertEquals("SecretBytes[16 bytes]", secret.toString());
      assertEquals("SecretBytes[16 bytes]", String.valueOf(secret));
    }
  }

  @Test
  void anAeadKeyShowsOnlyItsAlgorithm() {
    try (AeadKey key = aesKey(SecretBytes.copyOf(SECRET))) {
      assertEquals("AeadKey[AES_GCM]", key.toString());
    }
  }

  @Test
  void closingWipesTheArrayItOwns() {
    byte[] owned = SECRET.clone();
    SecretBytes secret = SecretBytes.owning(owned);
    secret.close();
    secret.close();
    assertArrayEquals(new byte[16], owned);
  }

  @Test
  void closingAnAeadKeyWipesItsSecret() {
    byte[] owned = SECRET.clone();
    aesKey(SecretBytes.owning(owned)).close();
    assertArrayEquals(new byte[16], owned);
  }

  @Test
  void useAfterClosingFailsAndSaysNothing() {
    SecretBytes secret = SecretBytes.copyOf(SECRET);
    SecretBytes other = SecretBytes.copyOf(SECRET);
    secret.close();
    var thrown = assertThrows(IllegalStateException.class, secret::toByteArray);
    assertEquals("secret was destroyed", thrown.getMessage());
    assertThrows(IllegalStateException.class, secret::copy);
    assertThrows(IllegalStateException.class, secret::isZero);
    assertThrows(IllegalStateException.class, () -> other.equals(secret));
    assertEquals("SecretBytes[16 bytes]", secret.toString());
  }

  @Test
  void copiesLiveTheirOwnLives() {
    byte[] mine = SECRET.clone();
    SecretBytes secret = SecretBytes.copyOf(mine);
    SecretBytes copy = secret.copy();
    byte[] bytes = secret.toByteArray();
    secret.close();
    assertArrayEquals(SECRET, mine);
    assertArrayEquals(SECRET, bytes);
    assertArrayEquals(SECRET, copy.toByteArray());
  }

  @Test
  void comparesByContentAndHashesNothing() {
    SecretBytes secret = SecretBytes.copyOf(SECRET);
    SecretBytes zeros = SecretBytes.owning(new byte[16]);
    assertEquals(SecretBytes.copyOf(SECRET), secret);
    assertNotEquals(zeros, secret);
    assertEquals(zeros.hashCode(), secret.hashCode());
    assertTrue(zeros.isZero());
    assertFalse(secret.isZero());
  }

  /** A half-wiped copy would be a key of zeros. */
  @Test
  void aCopyTakenWhileItIsClosedIsWholeOrNone() throws InterruptedException {
    int length = 1 << 16;
    for (int round = 0; round < 300; round++) {
      byte[] ones = new byte[length];
      Arrays.fill(ones, (byte) 1);
      SecretBytes secret = SecretBytes.owning(ones);
      AtomicReference<String> failure = new AtomicReference<>("");
      Thread reader = Thread.ofPlatform().start(() -> copyUntilDestroyed(secret, failure));
      secret.close();
      reader.join();
      assertEquals("", failure.get());
    }
  }

  private static void copyUntilDestroyed(SecretBytes secret, AtomicReference<String> failure) {
    try {
      while (true) {
        byte[] copy = secret.toByteArray();
        if (copy[0] == 0 || copy[copy.length - 1] == 0) {
          failure.set("half-wiped copy");
          return;
        }
      }
    } catch (IllegalStateException destroyed) {
      // The only way out.
    }
  }

  @Test
  void anAeadKeyRefusesASecretOfAnotherLength() {
    for (int length : new int[] {0, 15, 24, 31, 33}) {
      SecretBytes secret = SecretBytes.owning(new byte[length]);
      assertThrows(IllegalArgumentException.class, () -> aesKey(secret));
    }
    assertTrue(AeadAlgorithm.AES_GCM.acceptsKeyLength(16));
    assertFalse(AeadAlgorithm.CHACHA20_POLY1305.acceptsKeyLength(16));
  }

  private static AeadKey aesKey(SecretBytes secret) {
    return new AeadKey(AeadAlgorithm.AES_GCM, secret, NonceLayout.BIG_ENDIAN_COUNTER, 1);
  }
}
