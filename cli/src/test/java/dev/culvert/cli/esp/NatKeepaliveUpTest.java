// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import static dev.culvert.cli.kit.EspPair.OUR_V4;
import static dev.culvert.cli.kit.EspPair.PEER_V4;
import static dev.culvert.cli.kit.EspPair.WIRE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code persistentKeepalive} of ESP whose keys are no handshakes' (RFC 3948 section 4). */
@Tag("integration")
final class NatKeepaliveUpTest {
  private static final int V4_AND_UDP = 14 + 20 + 8;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @ParameterizedTest
  @EnumSource(
      value = Keys.class,
      names = {"GLOBAL", "MANUAL"})
  void aSilentEndKeepsTheMappingOfANatAlive(Keys keys) {
    ConcurrentLinkedQueue<byte[]> seen = new ConcurrentLinkedQueue<>();
    try (EspPair pair = new EspPair(false);
        UpPair gateways = new UpPair(pair, keys, List.of(), NatKeepaliveUpTest::eachSecond)) {
      assertTrue(
          Waiting.until(
              Commands.PATIENCE, () -> EspPair.ping(pair.ours, OUR_V4, PEER_V4).succeeded()),
          gateways::output);
      try (Capture capture =
          Capture.start(pair.peers, WIRE, "udp port 4500 and len <= 60", List.of(), seen::add)) {
        assertTrue(Waiting.until(Commands.PATIENCE, () -> seen.size() >= 3), gateways::output);
        capture.stop();
      }
      for (byte[] frame : seen) {
        assertEquals("192.0.2.1", address(frame), "only our end was told to");
        int udpLength = (frame[V4_AND_UDP - 4] & 0xff) << 8 | (frame[V4_AND_UDP - 3] & 0xff);
        assertEquals(8 + 1, udpLength);
        assertEquals((byte) 0xff, frame[V4_AND_UDP]);
      }
      assertTrue(status(pair, gateways).contains(" nat_keepalive"), () -> status(pair, gateways));
      assertTrue(EspPair.ping(pair.ours, OUR_V4, PEER_V4).succeeded(), "it goes on");
    }
  }

  private static String address(byte[] frame) {
    byte[] source = Arrays.copyOfRange(frame, 14 + 12, 14 + 16);
    assertArrayEquals(new byte[] {(byte) 192, 0, 2}, Arrays.copyOf(source, 3));
    return "192.0.2." + source[3];
  }

  private static String status(EspPair pair, UpPair gateways) {
    return pair.peers
        .attempt(Commands.PATIENCE, Map.of(), Culvert.command("status", gateways.device(2)))
        .orThrow()
        .out();
  }

  private static String eachSecond(String configuration) {
    return configuration.replace("allowedIps: [", "persistentKeepalive: 1, allowedIps: [");
  }
}
