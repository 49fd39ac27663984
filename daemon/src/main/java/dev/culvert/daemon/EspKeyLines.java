// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.tunnel.esp.SaSecret;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Keys of SAs in the format of Wireshark's file {@code esp_sa} in a profile. */
final class EspKeyLines {
  private EspKeyLines() {}

  static List<String> of(List<SaSecret> secrets) {
    return secrets.stream()
        .filter(sa -> sa.algorithm() == AeadAlgorithm.AES_GCM)
        .map(EspKeyLines::line)
        .toList();
  }

  private static String line(SaSecret sa) {
    byte[] key = sa.key().toByteArray();
    try {
      return "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"0x%s%08x\",\"NULL\",\"\""
          .formatted(
              sa.remote().v4() ? "IPv4" : "IPv6",
              sa.outbound() ? "*" : sa.remote(),
              sa.outbound() ? sa.remote() : "*",
              sa.spi(),
              "AES-GCM with 16 octet ICV [RFC4106]",
              HexFormat.of().formatHex(key),
              sa.salt());
    } finally {
      Arrays.fill(key, (byte) 0);
    }
  }
}
