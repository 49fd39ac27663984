// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A key file is accepted whole or refused with line, key and reason; no text shows a key. */
class KeyFileTest {
  private static final String LENGTH =
      " hexadecimal digits; expected 40 (AES-128 key and salt) or 72 (AES-256 key and salt), and"
          + " nothing is cut or filled up";

  private static byte[] fixture(String name) throws IOException {
    try (InputStream in = KeyFileTest.class.getResourceAsStream(name + ".keys")) {
      return Objects.requireNonNull(in, name).readAllBytes();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "id-zero | keys:1: the key id must be a number of 1 to 15",
        "id-sixteen | keys:2: the key id must be a number of 1 to 15",
        "id-no-number | keys:1: the key id must be a number of 1 to 15",
        "other-algorithm | keys:1: key 3: only rfc4106(gcm(aes)) is supported, AES-GCM with a"
            + " 16-byte ICV",
        "key-in-place-of-algorithm | keys:1: key 3: only rfc4106(gcm(aes)) is supported, AES-GCM"
            + " with a 16-byte ICV",
        "field-missing | keys:1: key 3: expected <id>[+] rfc4106(gcm(aes)) <hex> 128",
        "field-too-many | keys:1: key 3: expected <id>[+] rfc4106(gcm(aes)) <hex> 128",
        "icv-64 | keys:1: key 3: the ICV must have 128 bits: shorter ones are refused",
        "not-hexadecimal | keys:1: key 3: the key is not hexadecimal",
        "one-digit-short | keys:1: key 3: 39" + LENGTH,
        "one-byte-short | keys:2: key 3: 38" + LENGTH,
        "aes-192 | keys:1: key 3: 56" + LENGTH,
        "one-byte-long | keys:1: key 3: 42" + LENGTH,
        "all-zeros | keys:1: key 3: the key is all zeros; make one with: culvert key gen --esp",
        "zero-key-with-salt | keys:1: key 3: the key is all zeros; make one with: culvert key gen --esp",
        "sample-of-tests | keys:1: key 3: a sample key that everybody knows; make one with: culvert"
            + " key gen --esp",
        "sample-of-tests-256 | keys:1: key 5: a sample key that everybody knows; make one with:"
            + " culvert key gen --esp",
        "sample-of-guide | keys:1: key 3: a sample key that everybody knows; make one with: culvert"
            + " key gen --esp",
        "repeating | keys:1: key 3: a pattern, not a random key; make one with: culvert key gen --esp",
        "counting | keys:1: key 3: a pattern, not a random key; make one with: culvert key gen --esp",
        "same-id-twice | keys:2: key 3: this id is on line 1 already",
        "same-key-new-id | keys:2: key 4: the same key as id 3 on line 1: a new id needs a new key",
        "same-key-other-salt | keys:2: key 4: the same key as id 3 on line 1: a new id needs a new"
            + " key",
        "mixed-lengths | keys:2: key 4: AES-256, but line 1 has AES-128: all keys have one length",
        "empty | keys: no key in it; expected <id>[+] rfc4106(gcm(aes)) <hex> 128"
      })
  void everyRefusalNamesFileLineKeyAndReasonAndNeverTheKey(String name, String message)
      throws IOException {
    byte[] text = fixture(name);
    KeyFileException refusal =
        assertThrows(KeyFileException.class, () -> KeyFile.parse("keys", text));
    assertEquals(message, refusal.getMessage());
    for (String word : new String(text, StandardCharsets.US_ASCII).split("\\s+", -1)) {
      assertFalse(word.length() > 30 && message.contains(word), "tells the key");
    }
  }

  @Test
  void theLastLineWinsAndEarlierOnesStayValid() {
    KeyFile file = TestKeys.file(15, 1);
    assertEquals(List.of(15, 1), file.keys().stream().map(GlobalKey::id).toList());
    assertEquals(1, file.published().id());
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 36})
  void bothKeyLengthsAreTaken(int bytes) {
    assertEquals(bytes - 4, TestKeys.parse(TestKeys.line(3, 1, bytes)).published().aesKeyLength());
  }

  @Test
  void thePlusOfCiliumIsAcceptedAndIgnored() {
    KeyFile plain = TestKeys.parse(TestKeys.line(3));
    KeyFile plus = TestKeys.parse(TestKeys.line(3).replaceFirst("3 ", "3+\t "));
    assertEquals(plain.published().material(), plus.published().material());
  }

  @Test
  void windowsLineEndsAndAMissingLastOneAreNoReasonToRefuse() {
    String text = "\r\n" + TestKeys.line(3).replace("\n", "\r\n") + TestKeys.line(4).strip();
    assertEquals(2, TestKeys.parse(text).keys().size());
  }

  @Test
  void noKeyIsInAnyText() {
    KeyFile file = TestKeys.file(3, 4);
    assertEquals("key file with [global key 3, global key 4]", file.toString());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void anyBytesAreAFileOrARefusal(int seed) {
    Random random = new Random(seed);
    byte[] good = (TestKeys.line(3) + TestKeys.line(4)).getBytes(StandardCharsets.US_ASCII);
    int refused = 0;
    for (int i = 0; i < 5_000; i++) {
      byte[] text = good.clone();
      for (int change = 0; change < 3; change++) {
        text[random.nextInt(text.length)] = (byte) random.nextInt(256);
      }
      try (KeyFile file = KeyFile.parse("keys", text)) {
        assertFalse(file.keys().isEmpty());
      } catch (KeyFileException e) {
        refused++;
      }
    }
    assertFalse(refused < 1_000, refused + " refused");
  }
}
