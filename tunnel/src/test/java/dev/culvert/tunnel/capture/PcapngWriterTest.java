// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.capture;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Bytes worked out by hand from draft-ietf-opsawg-pcapng. */
final class PcapngWriterTest {
  @Test
  void aSectionHasItsHeaderDevicesSecretsAndPackets() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PcapngWriter out = new PcapngWriter(bytes)) {
      assertEquals(0, out.device("eth0", PcapngWriter.ETHERNET));
      out.secrets(PcapngWriter.WIREGUARD_KEY_LOG, "A=bc\n".getBytes(US_ASCII));
      out.packet(0, 0x0102030405060708L, true, new byte[] {1, 2, 3, 4, 5});
      assertEquals(1, out.device("tun0", PcapngWriter.RAW_IP));
      out.packet(1, 1, false, new byte[] {9, 8, 7, 6});
    }
    String expected =
        "0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff"
            + "0400 0700 63756c7665727400 00000000 2c000000"
            + "01000000 28000000 0100 0000 00000000"
            + "0200 0400 65746830 0900 0100 09000000 00000000 28000000"
            + "0a000000 1c000000 4c4b4757 05000000 413d62630a000000 1c000000"
            + "06000000 34000000 00000000 04030201 08070605 05000000 05000000 0102030405000000"
            + "0200 0400 02000000 00000000 34000000"
            + "01000000 28000000 6500 0000 00000000"
            + "0200 0400 74756e30 0900 0100 09000000 00000000 28000000"
            + "06000000 30000000 01000000 00000000 01000000 04000000 04000000 09080706"
            + "0200 0400 01000000 00000000 30000000";
    assertEquals(expected.replace(" ", ""), HexFormat.of().formatHex(bytes.toByteArray()));
  }
}
