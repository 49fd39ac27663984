// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** In a cluster both ends see pods come and go at different times: keys do not depend on them. */
final class NodeBoundKeysTest {
  private static final String A = "192.0.2.1";
  private static final String B = "192.0.2.2";

  private final KeyingScene scene = new KeyingScene(1);
  private final SimulatedNetwork network = scene.network;
  private final KeyingNode a = node(1, A, B);
  private final KeyingNode b = node(2, B, A);

  private KeyingNode node(long seed, String address, String peer) {
    return new KeyingNode(scene, address, List.of(peer), TestKeys.file(3), new Random(seed));
  }

  private static void sees(
      KeyingNode self, KeyingNode other, Binding binding, int port, String... remote) {
    Selectors selectors =
        new Selectors(List.of(), List.of(remote).stream().map(Prefix::parse).toList());
    self.keying.peers(
        List.of(
            new EspPeerSettings(
                other.address.toString(),
                self.address,
                other.address,
                Endpoint.of(other.address, port),
                selectors,
                binding,
                0)));
    self.drain();
  }

  @Test
  void endsThatSeeDifferentRangesAgree() {
    sees(a, b, Binding.NODES, 4500, "10.0.2.0/24");
    sees(b, a, Binding.NODES, 4500, "10.0.1.0/24", "10.0.1.7/32");
    network.run(Duration.ofSeconds(1));
    scene.packet(a, b, 1);
    scene.packet(b, a, 2);
    network.run(Duration.ofSeconds(1));
    assertEquals(2, scene.delivered);
  }

  @Test
  void endsWhoseSasAreForOtherRangesDoNot() {
    sees(a, b, Binding.SELECTORS, 4500, "10.0.2.0/24");
    sees(b, a, Binding.SELECTORS, 4500, "10.0.1.0/24");
    network.run(Duration.ofSeconds(5));
    assertNull(a.keyTo(b));
    assertNull(b.keyTo(a));
  }

  @Test
  void aNewRangeChangesNoKey() {
    sees(a, b, Binding.NODES, 4500, "10.0.2.0/24");
    sees(b, a, Binding.NODES, 4500, "10.0.1.0/24");
    network.run(Duration.ofSeconds(1));
    SaKeyId before = a.keyTo(b);
    assertNotEquals(null, before);
    sees(a, b, Binding.NODES, 4500, "10.0.2.0/24", "10.0.3.0/24");
    network.run(Duration.ofSeconds(5));
    assertEquals(before, a.keyTo(b));
  }

  /** The engine has ended the SAs with it: without new ones nothing would go there any more. */
  @Test
  void aPeerThatMovedIsKeyedAnewAtOnce() {
    for (Binding binding : List.of(Binding.SELECTORS, Binding.NODES)) {
      sees(a, b, binding, 4500);
      sees(b, a, binding, 4500);
      network.run(Duration.ofSeconds(1));
      SaKeyId before = a.keyTo(b);
      assertNotEquals(null, before);
      sees(a, b, binding, 4501);
      network.run(Duration.ofSeconds(1));
      assertNotEquals(null, a.keyTo(b));
      assertNotEquals(before, a.keyTo(b));
      assertEquals(0, scene.keysUsedTwice);
    }
  }
}
