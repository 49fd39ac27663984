// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/** Keyings on a network, with the count of packets and of keys that went between them. */
final class KeyingScene {
  final SimulatedNetwork network;
  private final Set<SaKeyId> keysUsed = new HashSet<>();
  int keysUsedTwice;
  long sent;
  long delivered;
  long held;

  KeyingScene(long seed) {
    network = new SimulatedNetwork(seed);
    network.maxDelay = Duration.ofMillis(2).toNanos();
  }

  /** Every use of a key begins with sequence number 1: a second use is a repeated (key, IV). */
  void keyUsed(SaKeyId key) {
    checkFresh(keysUsed.add(key));
  }

  void checkFresh(boolean fresh) {
    if (!fresh) {
      keysUsedTwice++;
    }
  }

  /** Sends one numbered packet; if no SA stands it is held back, never sent in clear. */
  void packet(KeyingNode from, KeyingNode to, long number) {
    KeyingNode.Packet packet = from.seal(to, number);
    if (packet == null) {
      held++;
      from.keying.wanted(to.address.toString(), network.now);
      return;
    }
    sent++;
    network.fly(
        () -> {
          if (to.opens(packet, from)) {
            delivered++;
          }
        });
  }
}
