// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.config.ClusterConfig;
import dev.culvert.daemon.config.ObservabilityConfig.Compat;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.PeerReading;
import java.util.Set;

/** Series of each WireGuard peer, with the names and labels of other programs' exporters. */
final class ExporterFamilies {
  private ExporterFamilies() {}

  static void add(Reading reading, EngineReading engine, Set<Compat> compat, Families families) {
    PeerLabels known = new PeerLabels(reading.config());
    if (compat.contains(Compat.EXPORTER)) {
      engine.peers().forEach(peer -> exporter(reading, peer, known, families));
    }
    String key = reading.publicKey() == null ? "" : reading.publicKey();
    if (compat.contains(Compat.CALICO)) {
      String node = nodeName(reading.config().cluster());
      families.add(
          Metric.CALICO_META,
          1L,
          node,
          key,
          reading.config().interfaceName(),
          Integer.toString(reading.listenPort()));
      engine.peers().forEach(peer -> calico(peer, node, key, families));
    }
    if (compat.contains(Compat.MDLAYHER)) {
      families.add(Metric.DEVICE_INFO, 1L, reading.config().interfaceName(), key);
      engine
          .peers()
          .forEach(peer -> mdlayher(peer, reading.config().interfaceName(), known, families));
    }
  }

  private static void exporter(
      Reading reading, PeerReading peer, PeerLabels known, Families families) {
    String[] labels = {peer.name(), known.allowedIps(peer), known.friendlyName(peer)};
    families.add(Metric.SENT_BYTES, peer.txBytes(), labels);
    families.add(Metric.RECEIVED_BYTES, peer.rxBytes(), labels);
    families.add(Metric.LATEST_HANDSHAKE, PeerFamilies.handshakeSeconds(peer), labels);
    families.add(Metric.LATEST_HANDSHAKE_DELAY, PeerFamilies.age(reading, peer), labels);
  }

  private static void calico(PeerReading peer, String node, String key, Families families) {
    String[] labels = {node, key, peer.name(), endpoint(peer)};
    families.add(Metric.CALICO_SENT, peer.txBytes(), labels);
    families.add(Metric.CALICO_RECEIVED, peer.rxBytes(), labels);
    families.add(Metric.CALICO_HANDSHAKE, PeerFamilies.handshakeSeconds(peer), labels);
  }

  private static void mdlayher(
      PeerReading peer, String device, PeerLabels known, Families families) {
    String[] labels = {device, peer.name()};
    families.add(
        Metric.PEER_INFO,
        1L,
        device,
        peer.name(),
        known.allowedIps(peer),
        endpoint(peer),
        known.friendlyName(peer));
    families.add(Metric.PEER_RECEIVED, peer.rxBytes(), labels);
    families.add(Metric.PEER_SENT, peer.txBytes(), labels);
    families.add(Metric.PEER_HANDSHAKE, PeerFamilies.handshakeSeconds(peer), labels);
  }

  private static String endpoint(PeerReading peer) {
    return peer.endpoint() == null ? "" : peer.endpoint().toString();
  }

  /** As the cluster knows this node; otherwise as the kernel does. */
  private static String nodeName(ClusterConfig cluster) {
    String name = cluster.self();
    return name.equals(ClusterConfig.UNNAMED) ? MachineName.read() : name;
  }
}
