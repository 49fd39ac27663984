// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import static dev.culvert.cli.kit.EspPair.OUR_V4;
import static dev.culvert.cli.kit.EspPair.OUR_V6;
import static dev.culvert.cli.kit.EspPair.PEER_V4;
import static dev.culvert.cli.kit.EspPair.PEER_V6;
import static dev.culvert.cli.kit.EspPair.WIRE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Pings;
import dev.culvert.lab.net.Waiting;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code culvert up} with {@code encapsulation: raw}: IP protocol 50 itself, under the guard. */
@Tag("integration")
final class RawEspTest {
  private static final String MARKER = "never-in-clear-0";
  private static final String MARKER_IN_HEX = HexFormat.of().formatHex(MARKER.getBytes(US_ASCII));
  private static final int ESP = 50;

  /** Packets on the wire by IP protocol (of IPv6: the next header). */
  private final ConcurrentMap<Integer, Integer> protocols = new ConcurrentHashMap<>();

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  private void count(byte[] frame) {
    int type = (frame[12] & 0xff) << 8 | (frame[13] & 0xff);
    if (type == 0x0800 || type == 0x86dd) {
      protocols.merge(frame[14 + (type == 0x0800 ? 9 : 6)] & 0xff, 1, Integer::sum);
    }
  }

  private Capture capture(EspPair pair) {
    return Capture.start(pair.peers, WIRE, "", List.of(MARKER), this::count);
  }

  private static boolean pings(Namespace from, String source, String to) {
    Commands.Result ping = Pings.send(from, 5, "0.1", to, "-I", source, "-p", MARKER_IN_HEX);
    return Pings.allAnswered(ping, 5);
  }

  /** Sends pings, whether or not they are answered, and tells whether one was. */
  private static boolean anyPing(EspPair pair) {
    return EspPair.ping(pair.ours, OUR_V4, PEER_V4, "-p", MARKER_IN_HEX).succeeded();
  }

  private static boolean pingsBothWays(EspPair pair) {
    return pings(pair.ours, OUR_V4, PEER_V4)
        && pings(pair.ours, OUR_V6, PEER_V6)
        && pings(pair.peers, PEER_V4, OUR_V4)
        && pings(pair.peers, PEER_V6, OUR_V6);
  }

  private static void assertTcpArrives(Namespace from, Namespace to, String address) {
    List<String> amounts = EspPair.tcp(from, to, address, 3_000_000);
    assertEquals(amounts.get(0).replace("sent ", ""), amounts.get(1).replace("received ", ""));
  }

  @ParameterizedTest(name = "IPv6 outside {0}, keys {1}")
  @CsvSource({"false,GLOBAL", "true,GLOBAL", "false,NOISE", "true,MANUAL"})
  void trafficPassesBothWaysAndNothingIsInClearThoughTheGatewayDies(
      boolean overV6, UpPair.Keys keys) {
    try (EspPair pair = new EspPair(overV6);
        UpPair gateways = new UpPair(pair, keys, List.of("encapsulation: raw"))) {
      try (Capture capture = capture(pair)) {
        assertTrue(Waiting.until(Commands.PATIENCE, () -> pingsBothWays(pair)), gateways::output);
        assertTcpArrives(pair.ours, pair.peers, PEER_V4);
        assertTcpArrives(pair.peers, pair.ours, OUR_V6);
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
        assertTrue(protocols.getOrDefault(ESP, 0) > 4000, protocols::toString);
        int icmp = protocols.getOrDefault(1, 0);
        int tcp = protocols.getOrDefault(6, 0);
        assertEquals(0, icmp + tcp, protocols::toString);
      }
      gateways.ours.signal("KILL");
      gateways.ours.awaitEnd(Commands.PATIENCE);
      // The way that packets take past the tunnel, were nothing in between.
      pair.ours.route("10.92.0.0/24", "via", "192.0.2.2", "dev", WIRE, "src", OUR_V4);
      pair.peers.route("10.91.0.0/24", "via", "192.0.2.1", "dev", WIRE, "src", PEER_V4);
      try (Capture capture = capture(pair)) {
        assertFalse(anyPing(pair));
        capture.stop();
        assertEquals(0, capture.seen(MARKER), "the guard outlives the gateway");
      }
      down(pair, gateways);
      try (Capture capture = capture(pair)) {
        anyPing(pair);
        capture.stop();
        assertTrue(capture.seen(MARKER) > 0, "the control: the capture sees packets in clear");
      }
    }
  }

  private static void down(EspPair pair, UpPair gateways) {
    pair.ours
        .attempt(
            Commands.PATIENCE, Map.of(), Culvert.command("down", gateways.oursConfig.toString()))
        .orThrow();
  }
}
