// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import static dev.culvert.tunnel.engine.HandshakeOutcome.ABANDONED;
import static dev.culvert.tunnel.engine.HandshakeOutcome.ANSWERED;
import static dev.culvert.tunnel.engine.HandshakeOutcome.INITIATED;

import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.PeerState;
import java.util.EnumMap;
import java.util.Map;

/** Peers, as sums and each, and handshakes. */
final class PeerFamilies {
  /** Seconds: a session lasts 180, and is renewed at 120. */
  private static final double[] AGES = {15, 60, 120, 180, 300, 900, 3600};

  private static final Map<DropReason, String> REFUSED =
      Map.of(
          DropReason.BAD_MAC1, "bad_mac1",
          DropReason.COOKIE_REQUIRED, "cookie",
          DropReason.RATE_LIMITED, "rate_limited",
          DropReason.STALE_TIMESTAMP, "stale_timestamp",
          DropReason.BAD_HANDSHAKE, "unknown_peer");

  private PeerFamilies() {}

  static void add(Reading reading, Families families) {
    EngineReading engine = reading.engine();
    if (engine == null) {
      return;
    }
    Map<PeerState, Integer> states = new EnumMap<>(PeerState.class);
    engine.peers().forEach(peer -> states.merge(peer.state(), 1, Integer::sum));
    for (PeerState state : PeerState.values()) {
      families.add(Metric.PEERS, states.getOrDefault(state, 0), state.label());
    }
    families.histogram(Metric.HANDSHAKE_AGE, AGES, ages(reading, engine));
    families.add(Metric.QUEUE, engine.stagedPackets(), "staging");
    families.add(Metric.QUEUE, engine.queuedMessages(), "handshake");
    handshakes(reading, engine, families);
    ObservabilityConfig observability = reading.config().observability();
    if (observability != null) {
      boolean each = observability.perPeer().shows(engine.peers().size());
      families.truth(Metric.PEERS_TRUNCATED, !each);
      boolean wireGuard = reading.config().engine() instanceof EngineConfig.WireGuard;
      if (each && wireGuard) {
        ExporterFamilies.add(reading, engine, observability.compat(), families);
      }
    }
  }

  private static double[] ages(Reading reading, EngineReading engine) {
    KeysReading keys = reading.keys();
    if (keys != null) {
      return keys.ages().values().stream().mapToDouble(Double::doubleValue).toArray();
    }
    return engine.peers().stream()
        .filter(peer -> peer.lastHandshake() != null)
        .mapToDouble(peer -> age(reading, peer))
        .toArray();
  }

  /** Seconds since the last handshake, or since 1970 before the first. */
  static double age(Reading reading, PeerReading peer) {
    return Math.max(0, reading.at() - (double) handshakeSeconds(peer));
  }

  /** The last handshake in seconds since 1970; 0 before the first. */
  static long handshakeSeconds(PeerReading peer) {
    return peer.lastHandshake() == null ? 0 : peer.lastHandshake().getEpochSecond();
  }

  private static void handshakes(Reading reading, EngineReading engine, Families families) {
    Map<HandshakeOutcome, Long> ends = engine.handshakes();
    families.add(Metric.HANDSHAKES, ends.getOrDefault(INITIATED, 0L), "initiator", "ok");
    families.add(Metric.HANDSHAKES, ends.getOrDefault(ABANDONED, 0L), "initiator", "timeout");
    families.add(Metric.HANDSHAKES, ends.getOrDefault(ANSWERED, 0L), "responder", "ok");
    Map<DropReason, Long> drops = reading.status().drops();
    REFUSED.forEach(
        (reason, result) ->
            families.add(Metric.HANDSHAKES, drops.getOrDefault(reason, 0L), "responder", result));
  }
}
