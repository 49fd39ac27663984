// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.WgPair.OUR_V4;
import static dev.culvert.cli.kit.WgPair.OUR_V6;
import static dev.culvert.cli.kit.WgPair.PEER_V4;
import static dev.culvert.cli.kit.WgPair.PEER_V6;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Pings;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Both roles of the handshake, then all sorts of traffic, against every peer there is. */
@Tag("integration")
final class HandshakeAndDataTest {
  private static final long MEGABYTES = 4 << 20;
  private static final int IP_AND_ICMP_HEADER = 28;
  private static final int IPV6_AND_ICMP_HEADER = 48;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  record Scenario(Implementation peer, boolean weInitiate, boolean overV6, boolean presharedKey) {
    @Override
    public String toString() {
      return "%s, %s initiates, over %s, %s pre-shared key"
          .formatted(
              peer,
              weInitiate ? "Culvert" : "the peer",
              overV6 ? "IPv6" : "IPv4",
              presharedKey ? "with" : "without");
    }
  }

  static List<Scenario> scenarios() {
    Requirements.namespaces();
    List<Scenario> scenarios = new ArrayList<>();
    for (Implementation peer : Implementation.peers()) {
      for (int bits = 0; bits < 8; bits++) {
        scenarios.add(new Scenario(peer, (bits & 4) == 0, (bits & 2) != 0, (bits & 1) != 0));
      }
    }
    return scenarios;
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void trafficOfEveryKindPassesBothWays(Scenario scenario) {
    try (WgPair pair = new WgPair(Implementation.underTest(), scenario.peer, scenario.overV6)) {
      if (scenario.presharedKey) {
        String file = WgPair.presharedKey().toString();
        pair.introducePeer("preshared-key", file);
        pair.introduceUs("preshared-key", file);
      } else {
        pair.introducePeer();
        pair.introduceUs();
      }
      theInitiatorFindsTheOther(pair, scenario.weInitiate);
      pingsOfAllSizesAreAnswered(pair);
      bytesArriveUnchanged(pair);
    }
  }

  /** Only the initiator knows an endpoint, so that no other could begin. */
  private static void theInitiatorFindsTheOther(WgPair pair, boolean weInitiate) {
    if (weInitiate) {
      pair.ours.set("peer", pair.peers.publicKey, "endpoint", pair.endpoint(2));
      assertTrue(pair.ours.pings(PEER_V4), "our first ping");
      assertEquals(pair.endpoint(1), pair.peers.endpoint());
    } else {
      pair.peers.set("peer", pair.ours.publicKey, "endpoint", pair.endpoint(1));
      assertTrue(pair.peers.pings(OUR_V4), "the peer's first ping");
      assertEquals(pair.endpoint(2), pair.ours.endpoint());
    }
    assertNotEquals(0, pair.ours.latestHandshake());
    assertNotEquals(0, pair.peers.latestHandshake());
  }

  private static void pingsOfAllSizesAreAnswered(WgPair pair) {
    SideBySide.run(
        () -> answered(pair.ours, PEER_V4, 56, "do"),
        () -> answered(pair.peers, OUR_V4, 56, "do"),
        () -> answered(pair.ours, PEER_V6, 0, "do"),
        () -> answered(pair.peers, OUR_V6, 1, "do"),
        () -> answered(pair.ours, PEER_V4, WgPair.MTU - IP_AND_ICMP_HEADER, "do"),
        () -> answered(pair.peers, OUR_V6, WgPair.MTU - IPV6_AND_ICMP_HEADER, "do"),
        () -> answered(pair.ours, PEER_V4, 8192, "dont"),
        () -> answered(pair.peers, OUR_V6, 8192, "dont"));
  }

  private static void answered(WgNode from, String to, int size, String fragmentation) {
    Commands.Result ping =
        Pings.send(from.namespace, 3, "0.3", to, "-s", Integer.toString(size), "-M", fragmentation);
    assertTrue(Pings.allAnswered(ping, 3), () -> size + " bytes: " + ping);
  }

  private static void bytesArriveUnchanged(WgPair pair) {
    SideBySide.run(
        () -> same(WgPair.tcp(pair.ours, pair.peers, PEER_V4, MEGABYTES)),
        () -> same(WgPair.tcp(pair.peers, pair.ours, OUR_V6, MEGABYTES)));
    SideBySide.run(
        () -> same(WgPair.udp(pair.ours, pair.peers, PEER_V6, 200, 1200)),
        () -> same(WgPair.udp(pair.peers, pair.ours, OUR_V4, 50, 4000)));
  }

  private static void same(WgPair.Transfer transfer) {
    assertEquals(transfer.sent(), transfer.received());
  }
}
