// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.kernel.SealedMemory;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import java.util.Locale;
import java.util.OptionalInt;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The state of an engine that has sessions with thousands of peers. */
@Tag("soak")
final class ManySessionsTest {
  private static final int PEERS = Integer.getInteger("culvert.sessions", 5000);
  private static final int ROUNDS = 5;
  private static final int PER_NETWORK = 250;
  private static final long MOST_BYTES = 1L << 30;

  private final Node gateway = new Node("gateway", 1);
  private long now;

  @Test
  void allSessionsOfThousandsOfPeersContinueAndTheirSizeAndTimesAreShown() throws Exception {
    for (int i = 0; i < PEERS; i++) {
      greet(i);
    }
    assertEquals(PEERS, sessions(gateway.engine));
    for (int round = 1; round <= ROUNDS; round++) {
      handOver(round);
    }
  }

  private static String place(String network, int number) {
    return network + number / PER_NETWORK + "." + (number % PER_NETWORK + 1);
  }

  /** One more peer, which sends a packet. */
  private void greet(int number) {
    Node peer =
        new Node("peer", 2, Limits.OF_THE_PAPER, Node.backend(), Node.seeded(1000L + number));
    peer.address = Endpoint.of(IpAddress.parse(place("198.18.", number)), 51_820);
    peer.knows(gateway);
    gateway.peer(peer, peer.address, null, OptionalInt.empty(), place("10.64.", number) + "/32");
    SimulatedNetwork network = new SimulatedNetwork(1, gateway, peer);
    network.now = now;
    network.send(peer, gateway, 1);
    network.run(4 * SimulatedNetwork.LATENCY); // Sessions live for three minutes.
    now = network.now;
    peer.engine.close();
  }

  private static long sessions(WireGuardEngine engine) {
    long sessions = 0;
    for (TunnelPeer peer : engine.peers()) {
      if (((WireGuardPeer) peer).sessions().current() != null) {
        sessions++;
      }
    }
    return sessions;
  }

  /** As from process to process: through sealed memory. */
  private void handOver(int round) throws Exception {
    try (WireGuardEngine successor = gateway.fresh();
        StateWriter out = new StateWriter()) {
      long began = System.nanoTime();
      gateway.engine.save(out, now);
      long saved = System.nanoTime();
      try (SealedMemory sealed = SealedMemory.of("sessions", out.written());
          SealedMemory.Content content = SealedMemory.read(sealed.fd(), MOST_BYTES)) {
        long passed = System.nanoTime();
        successor.restore(new StateReader(content.bytes()), now, SafetyJump.PACKETS);
        long restored = System.nanoTime();
        System.out.printf(
            Locale.ROOT,
            "FIGURE %d sessions, time %d: %.2f MB; saved in %.1f ms, passed in %.1f ms, restored in"
                + " %.1f ms%n",
            PEERS,
            round,
            out.written().byteSize() / 1e6,
            (saved - began) / 1e6,
            (passed - saved) / 1e6,
            (restored - passed) / 1e6);
      }
      assertEquals(PEERS, sessions(successor));
    }
  }
}
