// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.WgPair.OUR_V4;
import static dev.culvert.cli.kit.WgPair.OUR_V6;
import static dev.culvert.cli.kit.WgPair.PEER_V4;
import static dev.culvert.cli.kit.WgPair.PEER_V6;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Pings;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** New sessions while old ones live: forced by the administrator, and by time. */
@Tag("integration")
final class RekeyTest {
  private static final Duration REJECT_AFTER_TIME = Duration.ofMinutes(3);

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  static List<Implementation> peers() {
    Requirements.namespaces();
    return Implementation.peers();
  }

  private static WgPair connected(Implementation peer) {
    WgPair pair = new WgPair(Implementation.underTest(), peer, false);
    pair.introduceEachOther();
    assertTrue(pair.ours.pings(PEER_V4), "before the rekey");
    return pair;
  }

  @ParameterizedTest
  @MethodSource("peers")
  void aPeerThatWeRemoveAndAddAgainIsReachedByANewHandshake(Implementation peer) {
    try (WgPair pair = connected(peer)) {
      for (int round = 0; round < 3; round++) {
        pair.ours.set("peer", pair.peers.publicKey, "remove");
        assertFalse(pair.peers.ping(OUR_V4, "-c", "1", "-W", "1").succeeded(), "while removed");
        pair.introducePeer("endpoint", pair.endpoint(2));
        assertTrue(pair.ours.eventuallyPings(PEER_V4), "after adding it again");
        assertTrue(pair.peers.pings(OUR_V6));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void aPeerThatForgotUsIsReachedByANewHandshake(Implementation peer) {
    try (WgPair pair = connected(peer)) {
      pair.peers.set("peer", pair.ours.publicKey, "remove");
      pair.introduceUs("endpoint", pair.endpoint(1));
      assertTrue(pair.peers.eventuallyPings(OUR_V4), "the peer begins");
      assertTrue(pair.ours.pings(PEER_V6));
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void ourPrivateKeyChangesAtRunTime(Implementation peer) {
    try (WgPair pair = connected(peer)) {
      WgNode.Keys keys = WgNode.Keys.generate();
      pair.ours.set("private-key", WgNode.secretFile(keys.privateKey()).toString());
      assertEquals(keys.publicKey(), pair.ours.wg("show", pair.ours.device, "public-key").strip());
      assertFalse(pair.ours.ping(PEER_V4, "-c", "1", "-W", "1").succeeded(), "a stranger's key");
      pair.peers.set("peer", pair.ours.publicKey, "remove");
      WgPair.introduce(pair.peers, keys.publicKey(), OUR_V4, OUR_V6, "endpoint", pair.endpoint(1));
      assertTrue(pair.peers.eventuallyPings(OUR_V4), "the new key is known");
      assertTrue(pair.ours.pings(PEER_V6));
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  void aPresharedKeyTakesEffectAtTheNextHandshake(Implementation peer) {
    try (WgPair pair = connected(peer)) {
      String key = WgPair.presharedKey().toString();
      pair.ours.set("peer", pair.peers.publicKey, "preshared-key", key);
      assertTrue(pair.ours.pings(PEER_V4), "the session that stands is not dropped");
      pair.peers.set("peer", pair.ours.publicKey, "remove");
      pair.introduceUs("endpoint", pair.endpoint(1));
      assertFalse(
          pair.peers.ping(OUR_V4, "-c", "1", "-W", "1").succeeded(), "the peer lacks the key");
      pair.peers.set("peer", pair.ours.publicKey, "preshared-key", key);
      assertTrue(pair.peers.eventuallyPings(OUR_V4), "both have the key");
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  @Tag("soak")
  void sessionsAreRenewedByTimeWithoutLosingAPacket(Implementation peer) {
    try (WgPair pair = connected(peer)) {
      long first = pair.ours.latestHandshake();
      int pings = (int) REJECT_AFTER_TIME.plusSeconds(80).toSeconds() * 5;
      try (Daemon ping = Pings.start(pair.ours.namespace, pings, "0.2", PEER_V4)) {
        ping.awaitEnd(REJECT_AFTER_TIME.plusSeconds(120));
        assertTrue(Pings.allAnswered(ping.output(), pings), ping::output);
      }
      assertTrue(pair.ours.latestHandshake() >= first + 2 * 119, "two rekeys of 120 s");
    }
  }

  @ParameterizedTest
  @MethodSource("peers")
  @Tag("soak")
  void anIdleTunnelWakesAfterItsSessionExpired(Implementation peer) {
    try (WgPair pair = connected(peer)) {
      Waiting.pause(REJECT_AFTER_TIME.plusSeconds(10));
      Commands.Result ping = Pings.send(pair.ours.namespace, 3, "0.2", PEER_V4);
      assertTrue(Pings.allAnswered(ping, 3), ping::out);
      Waiting.pause(REJECT_AFTER_TIME.plusSeconds(10));
      ping = Pings.send(pair.peers.namespace, 3, "0.2", OUR_V6);
      assertTrue(Pings.allAnswered(ping, 3), ping::out);
      assertTrue(pair.ours.pings(PEER_V6));
    }
  }
}
