// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * BLAKE2s and its HMAC agree with the authors' known answers and with Python's hashlib, and refuse
 * a key of a wrong length.
 */
class Blake2sTest {
  @Test
  void answersTheKnownAnswersOfItsAuthors() throws IOException {
    int run = 0;
    int passed = 0;
    for (JsonNode test : Vectors.json("blake2/blake2s-kat.json")) {
      byte[] in = Vectors.bytes(test, "in");
      byte[] key = Vectors.bytes(test, "key");
      byte[] out = Vectors.bytes(test, "out");
      // Cut in two, for the parts of an input are hashed as if they were one.
      byte[] head = Arrays.copyOf(in, in.length / 3);
      byte[] tail = Arrays.copyOfRange(in, in.length / 3, in.length);
      byte[] hash =
          key.length == 0 ? Blake2s.hash(head, tail) : Blake2s.keyed(key, out.length, head, tail);
      run++;
      passed += Arrays.equals(out, hash) ? 1 : 0;
    }
    Vectors.report("blake2s known answers:", passed, run);
    assertEquals(512, run);
    assertEquals(512, passed);
  }

  /**
   * From Python's hashlib.blake2s(digest_size=16) and hmac over it, which share no code with us.
   */
  @Test
  void agreesWithAnotherImplementationWhereNothingIsPublished() {
    byte[] key = new byte[32];
    setAll(key, 1);
    byte[] message = new byte[148];
    setAll(message, 3);
    assertEquals("62c8bf67f6e8c5e4aeac47d8c1f03f2d", Vectors.hex(Blake2s.keyed16(key, message)));
    assertEquals(
        "9881d985443cf7b2f3c7310f0b76a4fabf97eb23cb3a9069de79945d7cbe001c",
        Vectors.hex(Blake2s.hmac(key, message)));
    byte[] longKey = new byte[65];
    setAll(longKey, 1);
    assertEquals(
        "8c7d0dd739e1eb5ec586690c67dcaa7cdfa704519a08aa99e4382ca8b0ae2f3f",
        Vectors.hex(Blake2s.hmac(longKey, message)));
  }

  @Test
  void refusesAKeyThatBlake2sCannotTake() {
    assertThrows(IllegalArgumentException.class, () -> Blake2s.keyed16(new byte[0]));
    assertThrows(IllegalArgumentException.class, () -> Blake2s.keyed16(new byte[33]));
  }

  @Test
  void leavesTheCallersKeyAlone() {
    byte[] key = {1, 2, 3};
    Blake2s.hmac(key, new byte[] {4});
    Blake2s.keyed16(key, new byte[] {4});
    assertArrayEquals(new byte[] {1, 2, 3}, key);
  }

  private static void setAll(byte[] bytes, int step) {
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * step);
    }
  }
}
