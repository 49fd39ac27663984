// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Keys and salts are those of docs/esp-noise.md and depend on transport key, direction and SPIs.
 */
final class SaKeyScheduleTest {
  private static final int SPI = 0x0102_0304;
  private static final int OTHER_SPI = 0xa0b0_c0d0;

  private static byte[] transportKey() {
    byte[] key = new byte[32];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) i;
    }
    return key;
  }

  private static String hex(byte[] transportKey, boolean fromInitiator, int spi, int otherSpi) {
    return HexFormat.of()
        .formatHex(SaKeySchedule.derive(transportKey, fromInitiator, spi, otherSpi));
  }

  /** Computed with another implementation of HKDF, from the text of docs/esp-noise.md alone. */
  @Test
  void keyAndSaltAreWhatTheDocumentSays() {
    assertEquals(
        "cce7fe7b8ea5f22cd41dc5707c98e6b25bdf" + "d52891322c65c5826bd8d0cf1f174c171d51",
        hex(transportKey(), true, SPI, OTHER_SPI));
  }

  @Test
  void everyInputChangesKeyAndSalt() {
    Set<String> keys = new HashSet<>();
    Set<String> salts = new HashSet<>();
    byte[] changed = transportKey();
    changed[31] ^= 1;
    for (String output :
        Arrays.asList(
            hex(transportKey(), true, SPI, OTHER_SPI),
            hex(transportKey(), false, SPI, OTHER_SPI),
            hex(transportKey(), true, SPI + 1, OTHER_SPI),
            hex(transportKey(), true, SPI, OTHER_SPI + 1),
            hex(transportKey(), true, OTHER_SPI, SPI),
            hex(changed, true, SPI, OTHER_SPI))) {
      keys.add(output.substring(0, 2 * SaKeySchedule.AES_KEY_LENGTH));
      salts.add(output.substring(2 * SaKeySchedule.AES_KEY_LENGTH));
    }
    assertEquals(6, keys.size());
    assertEquals(6, salts.size());
  }
}
