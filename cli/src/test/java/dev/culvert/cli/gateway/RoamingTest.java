// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static dev.culvert.cli.kit.WgPair.OUR_V4;
import static dev.culvert.cli.kit.WgPair.OUR_V6;
import static dev.culvert.cli.kit.WgPair.PEER_V4;
import static dev.culvert.cli.kit.WgPair.PEER_V6;
import static dev.culvert.cli.kit.WgPair.WIRE_DEVICE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.lab.net.Namespace;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nodes that change their addresses on the wire keep their tunnel. */
@Tag("integration")
final class RoamingTest {
  private static final long MEGABYTE = 1 << 20;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  static List<Implementation> peers() {
    Requirements.namespaces();
    return Implementation.peers();
  }

  private static WgPair connected(Implementation peer, boolean overV6) {
    WgPair pair = new WgPair(Implementation.underTest(), peer, overV6);
    pair.introduceEachOther();
    assertTrue(pair.ours.pings(PEER_V4), "before the move");
    return pair;
  }

  private static void move(WgPair pair, Namespace namespace, int from, int to) {
    String length = pair.wireAddress(from).contains(":") ? "/64" : "/24";
    namespace.ip("address", "del", pair.wireAddress(from) + length, "dev", WIRE_DEVICE);
    namespace.address(WIRE_DEVICE, pair.wireAddress(to) + length);
  }

  @ParameterizedTest
  @MethodSource("peers")
  void weFollowAPeerThatMoves(Implementation peer) {
    followThePeer(peer, false);
  }

  @ParameterizedTest
  @MethodSource("peers")
  void weFollowAPeerThatMovesOverIpv6(Implementation peer) {
    followThePeer(peer, true);
  }

  private static void followThePeer(Implementation peer, boolean overV6) {
    try (WgPair pair = connected(peer, overV6)) {
      move(pair, pair.peers.namespace, 2, 22);
      assertTrue(pair.peers.eventuallyPings(OUR_V4), "the peer speaks from its new address");
      assertEquals(pair.endpoint(22), pair.ours.endpoint());
      assertTrue(pair.ours.pings(PEER_V6), "we answer there");
      var transfer = WgPair.tcp(pair.ours, pair.peers, PEER_V4, MEGABYTE);
      assertEquals(transfer.sent(), transfer.received());
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void weFollowAPeerThatChangesItsPort(Implementation peer) {
    try (WgPair pair = connected(peer, false)) {
      pair.peers.set("listen-port", "51999");
      assertTrue(pair.peers.eventuallyPings(OUR_V4));
      assertEquals(pair.wireAddress(2) + ":51999", pair.ours.endpoint());
      assertTrue(pair.ours.pings(PEER_V6));
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void thePeerFollowsUsWhenWeMove(Implementation peer) {
    try (WgPair pair = connected(peer, false)) {
      move(pair, pair.ours.namespace, 1, 11);
      assertTrue(pair.ours.eventuallyPings(PEER_V4), "a source address that is gone is forgotten");
      assertEquals(pair.endpoint(11), pair.peers.endpoint());
      var transfer = WgPair.tcp(pair.peers, pair.ours, OUR_V6, MEGABYTE);
      assertEquals(transfer.sent(), transfer.received());
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void thePeerFollowsUsWhenWeChangeOurPort(Implementation peer) {
    try (WgPair pair = connected(peer, true)) {
      pair.ours.set("listen-port", "52001");
      assertTrue(pair.ours.eventuallyPings(PEER_V4));
      assertEquals("[2001:db8::1]:52001", pair.peers.endpoint());
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void aPeerIsAnsweredFromTheAddressItSpokeTo(Implementation peer) {
    try (WgPair pair = new WgPair(Implementation.underTest(), peer, false)) {
      // The kernel would answer from .1, its first address; the peer expects .101.
      pair.ours.namespace.address(WIRE_DEVICE, "192.0.2.101/24");
      pair.introducePeer();
      pair.introduceUs("endpoint", pair.endpoint(101));
      assertTrue(pair.peers.pings(OUR_V4));
      assertEquals(pair.endpoint(101), pair.peers.endpoint());
    }
  }
}
