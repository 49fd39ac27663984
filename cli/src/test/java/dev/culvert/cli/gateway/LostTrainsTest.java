// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static dev.culvert.cli.kit.EspPair.OUR_V4;
import static dev.culvert.cli.kit.EspPair.PEER_V4;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Figure;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A kernel that loses the trains which it is to segment. A veth device carries a train whole, so
 * nft at its far end can drop trains, and only trains, by their length. No call fails, as with the
 * real defect.
 */
@Tag("integration")
final class LostTrainsTest {
  /** Without trains that arrive, TCP would need hours for so much. */
  private static final long BYTES = 32 << 20;

  private static final String PORT = "5201";
  private static final Pattern LOST = Pattern.compile("counter packets (\\d+)");

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("nft");
  }

  @ParameterizedTest
  @EnumSource(names = {"WIREGUARD", "GLOBAL"})
  void tcpGoesOnWithinSecondsAndTheGatewaySaysWhy(Keys keys) {
    try (EspPair pair = new EspPair(false);
        UpPair gateways = new UpPair(pair, keys);
        Daemon server = pair.peers.start(Map.of(), Traffic.command("tcp-serve", PORT))) {
      server.awaitOutput("listening");
      assertTrue(
          Waiting.until(
              Commands.PATIENCE, () -> EspPair.ping(pair.ours, OUR_V4, PEER_V4).succeeded()),
          gateways::output);
      transfer("sound", pair, server, 1);
      assertTrue(status(pair, gateways).contains("\"udp-segmentation\""));
      assertEquals("", offForTrains(pair, gateways));

      loseTrains(pair.peers, keys.port);
      transfer("with the fault", pair, server, 2);
      assertEquals("kernel_gso_bug", offForTrains(pair, gateways));
      long lost = lost(pair.peers);
      assertTrue(lost > 0, "no train was lost");

      transfer("one by one", pair, server, 3);
      assertEquals(lost, lost(pair.peers), "trains that were sent all the same");
      String told = gateways.ours.output();
      assertEquals(2, told.split("loses trains", -1).length, told);
    }
  }

  /** Sends so many bytes to the peer's end, and waits until all have arrived. */
  private static void transfer(String name, EspPair pair, Daemon server, int number) {
    long start = System.nanoTime();
    int status =
        Traffic.send(
            pair.ours, "tcp-bytes", PEER_V4, PORT, Long.toString(BYTES), Integer.toString(number));
    assertEquals(0, status, name);
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> server.output().split("received " + BYTES, -1).length == number + 1),
        () -> name + ": " + server.output());
    Figure.seconds(name, start);
  }

  private static void loseTrains(Namespace at, int port) {
    at.run(
        "nft",
        "add table ip fault; add chain ip fault in"
            + " { type filter hook prerouting priority -400; };"
            + " add rule ip fault in udp dport "
            + port
            + " meta length > 2000 counter drop");
  }

  private static long lost(Namespace at) {
    Matcher count = LOST.matcher(at.run("nft", "list table ip fault").out());
    assertTrue(count.find());
    return Long.parseLong(count.group(1));
  }

  private static String status(EspPair pair, UpPair gateways) {
    return pair.ours
        .run(Culvert.command("status", gateways.device(1), "-o", "json").toArray(String[]::new))
        .out();
  }

  /** The reason for which trains are not handed to the kernel; empty if they are. */
  private static String offForTrains(EspPair pair, UpPair gateways) {
    Matcher reason =
        Pattern.compile("\"udp-segmentation\" : \"([a-z_]*)\"").matcher(status(pair, gateways));
    return reason.find() ? reason.group(1) : "";
  }
}
