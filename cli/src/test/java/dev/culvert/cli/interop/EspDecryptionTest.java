// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.EspPair.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.ManualEspGateway.Sa;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Daemon;
import dev.culvert.tunnel.port.Encapsulation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * With the key Wireshark opens our packets and finds their ICV good; without it, it sees nothing.
 */
@Tag("integration")
final class EspDecryptionTest {
  private static final String DATA = "00112233445566778899aabbccddeeff";
  private static final Sa IN = new Sa(0x2001, "11".repeat(32) + "01020304");
  private static final Sa OUT = new Sa(0x2002, "22".repeat(32) + "0a0b0c0d");

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("tshark");
  }

  @ParameterizedTest
  @CsvSource({"UDP, false", "UDP, true", "RAW, false", "RAW, true"})
  void wiresharkVerifiesWhatWeSentWithTheKeyAndOnlyWithIt(
      Encapsulation encapsulation, boolean overV6) {
    Path file = WgNode.secretFile("");
    try (EspPair pair = new EspPair(overV6);
        Daemon gateway = pair.serve(pair.setup(encapsulation, IN, OUT, false, 1))) {
      // Else two pings may cross the wire as one packet, which Wireshark cannot tell apart.
      pair.ours.ip("link", "set", WIRE, "gso_max_segs", "1");
      try (Daemon capture = Capture.toFile(pair.ours, WIRE, "udp port 4500 or proto 50", file)) {
        // Nobody answers: there is no gateway at the other end.
        EspPair.ping(pair.ours, OUR_V4, PEER_V4, "-p", DATA);
        assertTrue(gateway.isAlive());
        Capture.stop(capture);
      }
      String family = overV6 ? "IPv6" : "IPv4";
      List<String> good = Collections.nCopies(5, "1\t8");
      assertEquals(good, opened(pair, file, family, OUT.key()));
      assertEquals(
          List.of(), opened(pair, file, family, IN.key()).stream().filter("1\t8"::equals).toList());
      assertEquals(Collections.nCopies(5, "\t"), tshark(pair, file));
    }
  }

  /**
   * Wireshark's reading of each packet of ours: whether the ICV is good, and the type of ICMP
   * inside.
   */
  private static List<String> opened(EspPair pair, Path capture, String family, String key) {
    String association =
        "uat:esp_sa:\"%s\",\"*\",\"*\",\"0x%08x\",\"%s\",\"0x%s\",\"NULL\",\"\""
            .formatted(family, OUT.spi(), "AES-GCM with 16 octet ICV [RFC4106]", key);
    return tshark(
        pair,
        capture,
        "-o",
        "esp.enable_encryption_decode:TRUE",
        "-o",
        "esp.enable_authentication_check:TRUE",
        "-o",
        association);
  }

  private static List<String> tshark(EspPair pair, Path capture, String... options) {
    List<String> command = new ArrayList<>(List.of("tshark", "-r", capture.toString()));
    command.addAll(List.of("-Y", "esp", "-T", "fields", "-e", "esp.icv_good", "-e", "icmp.type"));
    command.addAll(List.of(options));
    return pair.ours.run(command.toArray(String[]::new)).out().lines().toList();
  }
}
