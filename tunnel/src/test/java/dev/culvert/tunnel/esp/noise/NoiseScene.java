// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Two ends that are keyed by handshakes, and an eavesdropper between them. */
abstract class NoiseScene {
  static final int MARKER = 4;

  final SealLog sealed = new SealLog();
  NoiseStation alice = new NoiseStation("alice", 1, sealed);
  NoiseStation bob = new NoiseStation("bob", 2, sealed);
  SimulatedNetwork network = SimulatedNetwork.of(alice, bob);

  /** The type of a handshake message, 0 for an ESP packet. */
  static int type(Sent sent) {
    ByteBuffer bytes = ByteBuffer.wrap(sent.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.getInt(0) != 0 ? 0 : bytes.getInt(MARKER);
  }

  static boolean isFrom(Sent sent, NoiseStation station) {
    return sent.from().isSamePlace(station.address);
  }

  List<Sent> said(NoiseStation by, int type) {
    return network.seen.stream().filter(s -> isFrom(s, by) && type(s) == type).toList();
  }

  static int spi(Sent sent) {
    return ByteBuffer.wrap(sent.bytes()).getInt(0);
  }

  /** Only alice begins: handshakes that bob begins do not arrive. */
  void onlyAliceBegins() {
    network.lose = sent -> isFrom(sent, bob) && type(sent) == Messages.INITIATION;
  }

  void assertConnected() {
    int number = 1_000_000 + network.seen.size();
    network.send(alice, bob, number);
    network.send(bob, alice, number);
    network.settle();
    assertTrue(bob.deliveredNumbers().contains(number), "alice to bob");
    assertTrue(alice.deliveredNumbers().contains(number), "bob to alice");
  }

  static SaKeyId sendKey(NoiseStation station) {
    return requireNonNull(station.sending(0)).key();
  }

  Set<SaKeyId> keys() {
    Set<SaKeyId> keys = new HashSet<>();
    alice.engine().securityAssociations(0).forEach(sa -> keys.add(sa.key()));
    bob.engine().securityAssociations(0).forEach(sa -> keys.add(sa.key()));
    return keys;
  }
}
