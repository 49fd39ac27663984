// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import dev.culvert.bench.figures.Figures;
import dev.culvert.tunnel.noise.Messages;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * The gateway's use of the processor while sessions are kept alive: in seconds without handshakes,
 * and in those in which sessions are renewed. Handshakes come close together here, since all
 * sessions began together; so their cost is measured, and spread over the time between two.
 */
final class SteadyState {
  private static final double REKEY = TimeUnit.NANOSECONDS.toSeconds(Messages.REKEY_AFTER_TIME);
  private static final double CALM = 30;
  private static final double WINDOW = 5;

  /** A window with fewer handshakes is calm; one is enough for a rekeying to begin. */
  private static final int FEW = 1;

  private final ScaledGateway gateway;
  private final SimulatedPeers peers;
  private final Figures figures;

  SteadyState(ScaledGateway gateway, SimulatedPeers peers, Figures figures) {
    this.gateway = gateway;
    this.peers = peers;
    this.figures = figures;
  }

  /** Measures 30 s without handshakes, then one renewal of all sessions. */
  void measure() throws IOException {
    figures.say("keepalives only, for " + CALM + " s");
    long before = peers.handshakes().sessions();
    ProcessorTime calm = gateway.processorTime();
    peers.run(() -> false, CALM);
    double keepalives = calm.share();
    long disturbed = peers.handshakes().sessions() - before;
    figures.say("until sessions are renewed");
    peers.run(() -> peers.handshakes().sessions() - before - disturbed >= FEW, 2 * REKEY);
    renewals(keepalives);
  }

  /** Until each peer can have renewed its session, or a window has no handshakes any more. */
  private void renewals(double keepalives) throws IOException {
    long before = peers.handshakes().sessions();
    ProcessorTime processor = gateway.processorTime();
    long began = System.nanoTime();
    long last;
    do {
      last = peers.handshakes().sessions();
      peers.run(() -> false, WINDOW);
    } while (peers.handshakes().sessions() - last >= FEW
        && peers.handshakes().sessions() - before < peers.size());
    double seconds = (System.nanoTime() - began) / 1e9;
    double spent = processor.spent() - keepalives * seconds;
    long handshakes = peers.handshakes().sessions() - before;
    double each = spent / (double) handshakes;
    figures.add("processor share of keepalives every 25 s", "%", 100 * keepalives);
    figures.add("sessions renewed", "", (double) handshakes);
    figures.add("within", "s", seconds);
    figures.add("processor time of a handshake", "ms", 1000 * each);
    figures.add(
        "processor share of renewing each session every %.0f s".formatted(REKEY),
        "%",
        100 * each * peers.size() / REKEY);
    figures.add("resident memory then", "MiB", gateway.residentMebibytes());
  }
}
