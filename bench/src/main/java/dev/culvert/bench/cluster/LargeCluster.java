// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.bench.figures.Figures;
import dev.culvert.bench.figures.ProcessUse;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** The figures of a gateway's start in a large cluster. */
final class LargeCluster {
  private static final Duration REST = Duration.ofSeconds(10);
  private static final String NAME = "node-b";
  private static final int SITE = 1;

  private final LabCluster cluster;
  private final Figures figures;
  private final FakeNodes nodes;

  LargeCluster(LabCluster cluster, Figures figures, FakeNodes nodes) {
    this.cluster = cluster;
    this.figures = figures;
    this.nodes = nodes;
  }

  /**
   * Makes all nodes, and measures the starts of a gateway on node-b before and after that.
   *
   * @return a gateway there that has all nodes in force, and greeted none of them: unanswered
   *     greetings are repeated for a minute and a half
   */
  NodeGateway start() {
    figures.section("%,d nodes: start of a gateway".formatted(nodes.count()));
    double alone = residentAlone();
    figures.say("creating %,d CulvertNodes".formatted(nodes.count()));
    long began = System.nanoTime();
    nodes.create();
    figures.add("creation of all CulvertNodes by this command", "s", seconds(began));
    fromNothing(alone);
    fromDisk();
    cluster.forget(SITE, "cluster.json");
    NodeGateway gateway = cluster.start(SITE, NAME, Map.of());
    gateway.awaitSwap(nodes.count());
    return gateway;
  }

  /** The first of two starts makes the archive of classes, as the first start on a node does. */
  private double residentAlone() {
    NodeGateway first = cluster.start(SITE, NAME, Map.of());
    first.awaitSynced();
    first.stop();
    NodeGateway second = cluster.start(SITE, NAME, Map.of());
    second.awaitSynced();
    Waiting.pause(REST);
    double resident = ProcessUse.residentMebibytes(second.pid());
    figures.add("resident memory of a gateway without other nodes, 10 s after", "MiB", resident);
    second.kill();
    return resident;
  }

  private void fromNothing(double alone) {
    cluster.forget(SITE, "cluster.json");
    ProcessUse resting = cluster.apiServer();
    Waiting.pause(REST);
    ProcessUse before = cluster.apiServer();
    long received = cluster.received(SITE);
    NodeGateway gateway = cluster.start(SITE, NAME, Map.of());
    double synced = gateway.awaitSwap(nodes.count());
    ProcessUse.Span server = cluster.apiServer().since(before);
    double gatewaySeconds = gateway.use().processorSeconds();
    long bytes = cluster.received(SITE) - received;
    requireAll(gateway, nodes);
    figures.add("start to all nodes in force, without a state on disk", "s", synced);
    figures.add("  processor time of the gateway", "s", gatewaySeconds);
    figures.add("  processor time of the API server", "s", server.processorSeconds());
    figures.add(
        "  of it, if the server had rested", "s", before.since(resting).share() * server.seconds());
    figures.add("  bytes received, with TLS and TCP", "kB", bytes / 1e3);
    Waiting.pause(REST);
    double resident = ProcessUse.residentMebibytes(gateway.pid());
    figures.add("resident memory, 10 s after", "MiB", resident);
    figures.add("  more than without other nodes", "MiB", resident - alone);
    figures.add("  the most until then", "MiB", ProcessUse.peakMebibytes(gateway.pid()));
    gateway.kill();
  }

  private void fromDisk() {
    ProcessUse before = cluster.apiServer();
    long received = cluster.received(SITE);
    NodeGateway gateway = cluster.start(SITE, NAME, Map.of());
    double up = gateway.awaitUp();
    double synced = gateway.awaitSynced();
    requireAll(gateway, nodes);
    figures.add("start to all nodes in force, from the state on disk", "s", up);
    figures.add("  to the API's confirmation", "s", synced);
    figures.add(
        "  processor time of the API server",
        "s",
        cluster.apiServer().since(before).processorSeconds());
    figures.add(
        "  bytes received, with TLS and TCP", "kB", (cluster.received(SITE) - received) / 1e3);
    gateway.kill();
  }

  /**
   * Waits until a gateway has exactly the nodes' present keys, and perhaps those of real nodes.
   *
   * @return seconds that it took
   */
  static double requireAll(NodeGateway gateway, FakeNodes nodes) {
    long began = System.nanoTime();
    Set<String> wanted = nodes.keys();
    if (!Waiting.until(
        NodeGateway.PATIENCE,
        () -> {
          Set<String> keys = keys(gateway);
          return keys.containsAll(wanted) && keys.size() <= wanted.size() + 2;
        })) {
      throw new LabException("some nodes are not in force: " + gateway.output());
    }
    return seconds(began);
  }

  private static Set<String> keys(NodeGateway gateway) {
    return gateway.status().map(GatewayView::peers).orElse(List.of()).stream()
        .map(PeerView::publicKey)
        .collect(Collectors.toCollection(HashSet::new));
  }

  static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }
}
