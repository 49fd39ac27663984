// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import static dev.culvert.tunnel.engine.HandshakeOutcome.ABANDONED;
import static dev.culvert.tunnel.engine.HandshakeOutcome.ANSWERED;
import static dev.culvert.tunnel.engine.HandshakeOutcome.INITIATED;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.daemon.config.ObservabilityConfig.Compat;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.PeerState;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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
      if (each && wireGuard && observability.compat().contains(Compat.EXPORTER)) {
        eachPeer(reading, engine, families);
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

  private static double age(Reading reading, PeerReading peer) {
    return Math.max(0, reading.at() - (double) seconds(peer.lastHandshake()));
  }

  private static long seconds(@Nullable Instant at) {
    return at == null ? 0 : at.getEpochSecond();
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

  private static void eachPeer(Reading reading, EngineReading engine, Families families) {
    GatewayConfig config = reading.config();
    Map<String, PeerConfig> configured =
        config.peers().stream()
            .collect(Collectors.toMap(peer -> peer.publicKey().toString(), peer -> peer));
    Map<String, String> ranges = nodeRanges(config.cluster());
    for (PeerReading peer : engine.peers()) {
      PeerConfig settings = configured.get(peer.name());
      String[] labels = {
        peer.name(), ranges.getOrDefault(peer.name(), allowedIps(settings)), name(peer, settings)
      };
      families.add(Metric.SENT_BYTES, peer.txBytes(), labels);
      families.add(Metric.RECEIVED_BYTES, peer.rxBytes(), labels);
      families.add(Metric.LATEST_HANDSHAKE, seconds(peer.lastHandshake()), labels);
      families.add(Metric.LATEST_HANDSHAKE_DELAY, age(reading, peer), labels);
    }
  }

  /** A name that is not only the key again. */
  private static String name(PeerReading peer, @Nullable PeerConfig settings) {
    return settings == null || settings.name().equals(peer.name()) ? "" : settings.name();
  }

  private static String allowedIps(@Nullable PeerConfig settings) {
    return settings == null ? "" : text(settings.allowedIps().stream().sorted().toList());
  }

  /**
   * The ranges of the nodes' pods, by the nodes' keys. Single addresses of pods are left out, since
   * pods come and go, and each change of a label makes a new series; a node without ranges is named
   * by its own addresses.
   */
  private static Map<String, String> nodeRanges(ClusterConfig cluster) {
    if (cluster.scope() == ClusterConfig.Scope.PEERS) {
      return Map.of();
    }
    Map<String, String> ranges = new HashMap<>();
    for (ClusterNode node : cluster.map().nodes()) {
      String key = node.peer();
      if (key != null) {
        List<Prefix> wide =
            node.podCidrs().stream().filter(PeerFamilies::isRange).sorted().toList();
        ranges.put(
            key, text(wide.isEmpty() ? node.internal().stream().map(Prefix::host).toList() : wide));
      }
    }
    return Map.copyOf(ranges);
  }

  private static boolean isRange(Prefix range) {
    IpAddress address = range.address();
    return range.length() < (address.v4() ? 32 : 128);
  }

  private static String text(List<Prefix> ranges) {
    return ranges.stream().map(Prefix::toString).collect(Collectors.joining(","));
  }
}
