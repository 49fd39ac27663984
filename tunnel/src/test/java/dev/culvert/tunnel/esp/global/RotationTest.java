// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The five steps of a rotation of the global key. */
class RotationTest {
  private static final String A = "192.0.2.1";
  private static final String B = "2001:db8::2";
  private static final String C = "192.0.2.3";

  private final KeyingScene scene = new KeyingScene(3);
  private final SimulatedNetwork network = scene.network;
  private long seed = 100;
  private long number;

  private KeyingNode node(String address, KeyFile file, String... peers) {
    return new KeyingNode(scene, address, List.of(peers), file, new Random(seed++));
  }

  private void traffic(List<KeyingNode> nodes, Duration time) {
    long end = network.now + time.toNanos();
    while (network.now < end) {
      for (KeyingNode from : nodes) {
        for (KeyingNode to : nodes) {
          if (from != to) {
            scene.packet(from, to, number++);
          }
        }
      }
      network.run(Duration.ofMillis(250));
    }
  }

  private static String refusal(KeyRing ring, KeyFile next) {
    return String.valueOf(
        assertThrows(RotationRefusedException.class, () -> ring.rotate(next)).getMessage());
  }

  @Test
  void theSameIdWithAnotherKeyIsRefused() {
    assertEquals(
        "key id 3 is in use with another key: a new key needs a new id",
        refusal(new KeyRing(TestKeys.file(3)), TestKeys.parse(TestKeys.line(3, 50, 20))));
  }

  @Test
  void aChangedKeyLengthIsRefused() {
    assertEquals(
        "key id 4 is for AES-256, those in use are for AES-128: the length cannot change",
        refusal(new KeyRing(TestKeys.file(3)), TestKeys.parse(TestKeys.line(4, 4, 36))));
  }

  @Test
  void theSameKeyUnderANewIdIsRefused() {
    assertEquals(
        "key id 4 is the same key as id 3: a new id needs a new key",
        refusal(new KeyRing(TestKeys.file(3)), TestKeys.parse(TestKeys.line(4, 3, 20))));
  }

  @Test
  void goingBackIsRefusedAndChangesNothing() {
    KeyRing ring = new KeyRing(TestKeys.file(3, 4));
    assertEquals(
        "key id 3 is not 1 to 7 steps ahead of key id 4 (after 15 comes 1)",
        refusal(ring, TestKeys.file(3)));
    assertEquals(4, ring.published());
  }

  @ParameterizedTest
  @CsvSource({"1,2", "15,1", "14,6", "9,1", "1,8"})
  void idsWrapAndTheOlderIsTheSameFromBothEnds(int older, int newer) {
    assertEquals(older, KeyIds.older(older, newer));
    assertEquals(older, KeyIds.older(newer, older));
  }

  @Test
  void ofAnyTwoIdsExactlyOneIsNewer() {
    for (int a = 1; a <= 15; a++) {
      for (int b = 1; b <= 15; b++) {
        assertTrue(a == b || (KeyIds.isNewer(a, b) != KeyIds.isNewer(b, a)), a + " " + b);
      }
    }
  }

  @Test
  void twentyRotationsUnderTrafficLoseNothingThoughNodesLearnMinutesApart()
      throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B, C);
    KeyingNode b = node(B, TestKeys.file(3), A, C);
    KeyingNode c = node(C, TestKeys.file(3), A, B);
    List<KeyingNode> nodes = List.of(a, b, c);
    network.run(Duration.ofSeconds(5));
    network.lossRate = 0.1;
    network.duplicateRate = 0.1;
    Random order = new Random(8);
    for (int rotation = 0; rotation < 20; rotation++) {
      int id = (3 + rotation) % 15 + 1;
      int first = order.nextInt(3);
      for (int i = 0; i < 3; i++) {
        nodes.get((first + i) % 3).rotate(TestKeys.file(id), network.now);
        traffic(nodes, Duration.ofSeconds(order.nextInt(240)));
      }
      traffic(nodes, Duration.ofMinutes(4));
      for (KeyingNode from : nodes) {
        for (KeyingNode to : nodes) {
          assertTrue(from == to || from.sendingUnder(to) == id, "rotation " + rotation);
        }
        assertEquals(id, from.keying.publishedKey());
      }
    }
    network.run(Duration.ofSeconds(1));
    assertEquals(0, scene.sent - scene.delivered, "lost of " + scene.sent);
    assertEquals(0, scene.held, "held back");
    assertEquals(0, scene.keysUsedTwice);
  }

  @Test
  void packetsGoUnderTheOlderKeyUntilBothPublishTheNewer() throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B);
    KeyingNode b = node(B, TestKeys.file(3), A);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    a.rotate(TestKeys.file(3, 4), network.now);
    traffic(List.of(a, b), Duration.ofMinutes(2));
    assertEquals(3, a.sendingUnder(b));
    assertEquals(3, b.sendingUnder(a));
    b.rotate(TestKeys.file(4), network.now);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    assertEquals(4, a.sendingUnder(b));
    assertEquals(4, b.sendingUnder(a));
  }

  @Test
  void aKeyThatTheFileDroppedStaysUntilThePeerPublishedTheNewer() throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B);
    KeyingNode b = node(B, TestKeys.file(3), A);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    a.rotate(TestKeys.file(4), network.now);
    traffic(List.of(a, b), Duration.ofMinutes(20));
    assertEquals(1 << 3 | 1 << 4, a.keying.heldKeys());
    b.rotate(TestKeys.file(4), network.now);
    traffic(List.of(a, b), Duration.ofMinutes(1));
    assertEquals(1 << 4, a.keying.heldKeys());
    assertTrue(a.notices.contains(new KeyingNotice.KeyRetired(3)));
  }

  @Test
  void anOverlapOfFiveMinutesIsWarnedOf() throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B);
    KeyingNode b = node(B, TestKeys.file(3), A);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    a.rotate(TestKeys.file(4), network.now);
    traffic(List.of(a, b), Duration.ofSeconds(290));
    assertTrue(a.notices.isEmpty(), "too early: " + a.notices);
    traffic(List.of(a, b), Duration.ofSeconds(20));
    assertEquals(
        B
            + " still publishes key 3, 300 s after key 4 came: it may have missed the rotation; key"
            + " 3 stays in use with it",
        a.notices.getFirst().message());
    assertTrue(b.notices.stream().anyMatch(KeyingNotice.RotationMissed.class::isInstance));
  }

  @Test
  void aNodeThatMissedATurnKeepsWorkingOnTheKeyBothHave() throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B);
    KeyingNode b = node(B, TestKeys.file(3), A);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    a.rotate(TestKeys.file(4), network.now);
    traffic(List.of(a, b), Duration.ofHours(1));
    a.rotate(TestKeys.file(5), network.now);
    traffic(List.of(a, b), Duration.ofHours(2));
    assertEquals(3, a.sendingUnder(b));
    b.rotate(TestKeys.file(5), network.now);
    traffic(List.of(a, b), Duration.ofMinutes(1));
    assertEquals(5, a.sendingUnder(b));
    network.run(Duration.ofSeconds(1));
    assertEquals(0, scene.sent - scene.delivered);
    assertTrue(scene.held <= 2, "only before the first exchange");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void anEndRestartedMidRotationFindsAKeyBothHave(int restarted) throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B);
    KeyingNode b = node(B, TestKeys.file(3), A);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    a.rotate(TestKeys.file(3, 4), network.now);
    traffic(List.of(a, b), Duration.ofSeconds(30));
    if (restarted == 1) {
      a.restart(TestKeys.file(3, 4), new Random(seed++));
    } else {
      b.restart(TestKeys.file(3), new Random(seed++));
    }
    network.run(Duration.ofSeconds(10));
    assertEquals(3, a.sendingUnder(b));
    assertEquals(3, b.sendingUnder(a));
    b.rotate(TestKeys.file(3, 4), network.now);
    network.run(Duration.ofSeconds(10));
    assertEquals(4, a.sendingUnder(b));
  }

  @Test
  void aPeerThatAgreedOnTheNewerKeyIsNoLongerBelievedUnderTheOlder()
      throws RotationRefusedException {
    KeyingNode a = node(A, TestKeys.file(3), B);
    KeyingNode b = node(B, TestKeys.file(3), A);
    traffic(List.of(a, b), Duration.ofSeconds(10));
    a.rotate(TestKeys.file(3, 4), network.now);
    b.rotate(TestKeys.file(3, 4), network.now);
    traffic(List.of(a, b), Duration.ofSeconds(30));
    assertEquals(4, a.sendingUnder(b));
    // Whoever has stolen key 3 now speaks in the name of B.
    b.restart(TestKeys.file(3), new Random(seed++));
    network.run(Duration.ofMinutes(10));
    assertEquals(0, b.sendingUnder(a));
    assertEquals(4, a.sendingUnder(b));
    assertTrue(a.keying.drops(ExchangeDrop.RETIRED_KEY) > 0);
  }
}
