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
 * WireGuard's key derivation gives one to three values, equal to WireGuard's vectors, and does not
 * change its input.
 */
class KdfTest {
  @Test
  void derivesWhatWireGuardDerives() throws IOException {
    int run = 0;
    int passed = 0;
    for (JsonNode test : Vectors.json("wireguard/kdf.json").required("vectors")) {
      byte[] key = Vectors.bytes(test, "key");
      byte[] input = Vectors.bytes(test, "input");
      byte[][] expected = {
        Vectors.bytes(test, "t0"), Vectors.bytes(test, "t1"), Vectors.bytes(test, "t2")
      };
      for (int n = 1; n <= 3; n++) {
        run++;
        byte[][] derived = Kdf.derive(n, key, input);
        passed += Arrays.deepEquals(Arrays.copyOf(expected, n), derived) ? 1 : 0;
      }
    }
    Vectors.report("wireguard kdf:", passed, run);
    assertEquals(9, run);
    assertEquals(9, passed);
  }

  @Test
  void derivesOneToThreeValues() {
    assertThrows(IllegalArgumentException.class, () -> Kdf.derive(0, new byte[32], new byte[0]));
    assertThrows(IllegalArgumentException.class, () -> Kdf.derive(4, new byte[32], new byte[0]));
  }

  @Test
  void leavesItsInputAlone() {
    byte[] chainingKey = {1, 2};
    byte[] input = {3, 4};
    Kdf.derive(3, chainingKey, input);
    assertArrayEquals(new byte[] {1, 2}, chainingKey);
    assertArrayEquals(new byte[] {3, 4}, input);
  }
}
