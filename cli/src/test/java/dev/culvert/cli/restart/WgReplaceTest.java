// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.ProcessThread;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.NumberedFlow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code culvert wg IFACE --replace} beside a device that {@code wg} has configured. */
@Tag("integration")
final class WgReplaceTest {
  private static final String TEXT = "through-the-tunnel";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("wireguard-go");
  }

  @Test
  void configurationSessionAndBytesGoOnAndClientsNoticeNothing() {
    try (WgPair pair = pair()) {
      connect(pair);
      Daemon former = pair.ours.daemon();
      String endpoint = pair.peers.endpoint();
      try (Daemon clients = askAllTheTime(pair.ours);
          NumberedFlow there = flow(pair.ours, pair.peers, WgPair.PEER_V4);
          NumberedFlow back = flow(pair.peers, pair.ours, WgPair.OUR_V4)) {
        for (int i = 0; i < 2; i++) {
          former = replace(pair.ours, former);
        }
        clients.signal("TERM");
        assertEquals(0, clients.awaitEnd(Commands.PATIENCE), clients::output);
        assertTrue(Integer.parseInt(clients.awaitLine("asked ")) > 0, clients::output);
        assertEquals(0, there.finish().lost());
        assertEquals(0, back.finish().lost());
      }
      assertEquals(endpoint, pair.peers.endpoint());
      assertTrue(pair.ours.pings(WgPair.PEER_V4));
    }
  }

  @Test
  void aSignalBeforeTheHandOverEndsTheSuccessorAlone() {
    try (WgPair pair = pair()) {
      connect(pair);
      String configuration = pair.ours.wg("showconf", pair.ours.device);
      for (Map.Entry<String, Integer> signal : Map.of("TERM", 143, "INT", 130).entrySet()) {
        try (Daemon successor = startUnprivileged(pair.ours)) {
          successor.await("its rehearsal", ReplacedGateway.PATIENCE, () -> rehearses(successor));
          successor.signal(signal.getKey());
          assertEquals(signal.getValue(), successor.awaitEnd(Commands.PATIENCE), successor::output);
          assertFalse(successor.output().contains("was moved"), successor::output);
        }
        assertTrue(pair.ours.daemon().isAlive(), pair.ours.daemon()::output);
        assertEquals(configuration, pair.ours.wg("showconf", pair.ours.device));
        assertTrue(pair.ours.pings(WgPair.PEER_V4));
      }
    }
  }

  /** It may not look into other network namespaces, as few services may. */
  private static Daemon startUnprivileged(WgNode node) {
    List<String> command =
        new ArrayList<>(List.of("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"));
    command.addAll(Culvert.command("wg", "-f", "--replace", node.device));
    return node.namespace.start(Map.of("LOG_LEVEL", "info"), command);
  }

  private static boolean rehearses(Daemon process) {
    return ProcessThread.of(process).stream().anyMatch(ProcessThread::rehearses);
  }

  private static WgPair pair() {
    Implementation culvert = new Implementation("culvert", Culvert.command("wg", "-f"));
    return new WgPair(culvert, Implementation.packaged(), false);
  }

  private static void connect(WgPair pair) {
    pair.introduceUs();
    configure(pair);
    assertTrue(pair.ours.eventuallyPings(WgPair.PEER_V4));
  }

  /** As {@code wg-quick} does it. */
  private static void configure(WgPair pair) {
    Path file =
        WgNode.secretFile(
            """
            [Interface]
            PrivateKey = %s
            ListenPort = %d
            [Peer]
            PublicKey = %s
            Endpoint = %s
            AllowedIPs = %s/32, %s/128
            """
                .formatted(
                    Commands.run("cat", pair.ours.privateKey().toString()).out().strip(),
                    WgNode.PORT,
                    pair.peers.publicKey,
                    pair.endpoint(2),
                    WgPair.PEER_V4,
                    WgPair.PEER_V6));
    pair.ours.wg("setconf", pair.ours.device, file.toString());
  }

  private static Daemon replace(WgNode node, Daemon former) {
    String configuration = node.wg("showconf", node.device);
    String index = index(node);
    long handshake = node.latestHandshake();
    Map<String, Double> transfer = GatewayFacts.transfer(node.namespace, node.device);
    Daemon successor =
        node.namespace.start(Map.of(), Culvert.command("wg", "-f", "--replace", node.device));
    assertEquals(0, former.awaitEnd(ReplacedGateway.PATIENCE), former::output);
    assertTrue(successor.isAlive(), successor::output);
    successor.awaitOutput(node.device + " is served by process " + successor.pid());
    assertEquals(configuration, node.wg("showconf", node.device));
    assertEquals(index, index(node));
    assertEquals(handshake, node.latestHandshake());
    GatewayFacts.assertNoCounterFell(transfer, GatewayFacts.transfer(node.namespace, node.device));
    return successor;
  }

  private static String index(WgNode node) {
    return node.namespace.run("cat", "/sys/class/net/" + node.device + "/ifindex").out();
  }

  /** Runs {@code wg} over and over, until it fails or the shell is terminated. */
  private static Daemon askAllTheTime(WgNode node) {
    Daemon asking =
        node.namespace.start(
            Map.of(),
            List.of(
                "bash",
                "-c",
                """
                over=; n=0
                trap over=1 TERM
                echo asking
                while [ -z "$over" ]; do
                  wg show %s dump >/dev/null || exit 1
                  n=$((n + 1))
                done
                echo "asked $n"
                """
                    .formatted(node.device)));
    asking.awaitOutput("asking");
    return asking;
  }

  private static NumberedFlow flow(WgNode from, WgNode to, String address) {
    return new NumberedFlow(from.namespace, to.namespace, address, TEXT);
  }
}
