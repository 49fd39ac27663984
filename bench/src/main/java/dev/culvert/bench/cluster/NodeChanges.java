// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.bench.cluster.PingStream.Result;
import dev.culvert.bench.figures.Figures;
import dev.culvert.bench.figures.ProcessUse;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The figures of changes in a large cluster: the nodes change while the pods of node-b and node-c
 * speak through their gateways.
 */
final class NodeChanges {
  private static final int SITE = 1;
  private static final int PARTNER = 2;

  /** Longer than a gateway waits between two snapshots. */
  private static final Duration APART = Duration.ofMillis(1300);

  private static final Duration REST = Duration.ofSeconds(10);
  private static final int WATCHERS = 180;
  private static final int BURST = 100;
  private static final double BURST_RATE = 20;
  private static final int MOVES = 10;

  private final LabCluster cluster;
  private final Figures figures;
  private final NodeWriter writer;
  private final FakeNodes nodes;
  private final NodeGateway gateway;
  private final LabSite from;
  private final LabSite to;

  /**
   * @param gateway on node-b, with all nodes in force
   */
  NodeChanges(
      LabCluster cluster,
      Figures figures,
      NodeWriter writer,
      FakeNodes nodes,
      NodeGateway gateway) {
    this.cluster = cluster;
    this.figures = figures;
    this.writer = writer;
    this.nodes = nodes;
    this.gateway = gateway;
    from = cluster.site(SITE);
    to = cluster.site(PARTNER);
  }

  /** Accepts the gateways' own claims, and waits until their pods reach each other. */
  void connect() {
    accept("node-b", from, List.of());
    accept("node-c", to, List.of());
    try (PingStream pings = new PingStream(from.pod(), to.podAddress())) {
      pings.firstAnswer(NodeGateway.PATIENCE);
    }
  }

  /**
   * @param more ranges beside those of the site
   */
  private void accept(String name, LabSite site, List<String> more) {
    Waiting.until(NodeGateway.PATIENCE, () -> writer.find(name) != null);
    CulvertNode claimed = Objects.requireNonNull(writer.find(name), name);
    List<String> ranges = new ArrayList<>(site.podCidrs());
    ranges.addAll(more);
    writer.accept(claimed, ranges, List.of(site.wireAddress(), site.wireAddressV6()));
  }

  /** The costs of a change for the API server, alone and for each more daemon that watches. */
  void costsOfTheServer() {
    long received = cluster.received(SITE);
    double few = burst();
    figures.add(
        "bytes received per event, with TLS and TCP",
        "bytes",
        (cluster.received(SITE) - received) / (2.0 * BURST));
    try (Watchers watchers = new Watchers(cluster::connect, WATCHERS, writer.version())) {
      double many = burst();
      long wanted = 2L * BURST * WATCHERS;
      if (!Waiting.until(Commands.PATIENCE, () -> watchers.events() >= wanted)) {
        throw new LabException(
            "%d events were told instead of %d".formatted(watchers.events(), wanted));
      }
      figures.add(
          "bytes per event, without TLS and TCP",
          "bytes",
          (double) watchers.bytes() / watchers.events());
      figures.add(
          "processor time of the API server per key change: claim and status written",
          "ms",
          few / BURST * 1e3);
      figures.add(
          "  more per gateway that watches (two events)",
          "us",
          (many - few) / BURST / WATCHERS * 1e6);
    }
  }

  /** Changes keys, and returns the processor seconds of the API server for that. */
  private double burst() {
    ProcessUse resting = cluster.apiServer();
    Waiting.pause(REST.dividedBy(2));
    ProcessUse before = cluster.apiServer();
    FakeNodes.each(0, BURST, BURST_RATE, nodes::changeKey);
    Waiting.pause(Duration.ofSeconds(1));
    return cluster.apiServer().since(before).above(before.since(resting));
  }

  /** One change after the other, each of which is a swap of its own. */
  void oneByOne(int changes) {
    try (PingStream pings = new PingStream(from.pod(), to.podAddress())) {
      pings.firstAnswer(NodeGateway.PATIENCE);
      ProcessUse resting = gateway.use();
      Waiting.pause(REST);
      ProcessUse before = gateway.use();
      List<Double> delays = new ArrayList<>();
      for (int i = 0; i < changes; i++) {
        int swaps = gateway.swaps().size();
        long written = System.currentTimeMillis();
        nodes.changeKey(i);
        Waiting.pause(APART);
        delays.add((double) gateway.swapAfter(swaps).at() - written);
      }
      ProcessUse.Span use = gateway.use().since(before);
      figures.addRuns("key change written to swap", "ms", delays);
      figures.add(
          "processor time of the gateway per change",
          "ms",
          use.above(before.since(resting)) / changes * 1e3);
      tell(pings.stop());
    }
  }

  private void tell(Result pings) {
    figures.add("pings through the gateway meanwhile, lost", "of " + pings.sent(), pings.lost());
    figures.add("  longest round trip", "ms", pings.longest());
  }

  /** Ranges that node-c gets, as a network plugin would give it one. */
  void ranges() {
    List<Double> delays = new ArrayList<>();
    for (int i = 0; i < MOVES; i++) {
      String address = "10.42.%d.10".formatted(100 + i);
      to.pod().address("eth0", address + "/32");
      to.node().route(address + "/32", "dev", "pod0");
      try (PingStream pings = new PingStream(from.pod(), address)) {
        Waiting.pause(APART);
        double written = System.currentTimeMillis() / 1e3;
        accept("node-c", to, List.of("10.42.%d.0/24".formatted(100 + i)));
        delays.add((pings.firstAnswer(NodeGateway.PATIENCE) - written) * 1e3);
      }
    }
    figures.addRuns("range written into a status to first answered ping", "ms", delays);
  }

  /**
   * Rolls nodes: half of them change their key, the others are replaced.
   *
   * @param title says how fast
   * @param count of nodes
   * @param perSecond of nodes
   */
  void rolled(String title, int count, double perSecond) {
    figures.section("%s: %,d nodes, %.2f per second".formatted(title, count, perSecond));
    try (PingStream pings = new PingStream(from.pod(), to.podAddress());
        Watchers watcher = new Watchers(cluster::connect, 1, writer.version())) {
      pings.firstAnswer(NodeGateway.PATIENCE);
      int swaps = gateway.swaps().size();
      ProcessUse.Span server;
      ProcessUse serverBefore = cluster.apiServer();
      ProcessUse before = gateway.use();
      nodes.roll(count, perSecond);
      ProcessUse.Span use = gateway.use().since(before);
      server = cluster.apiServer().since(serverBefore);
      double late = LargeCluster.requireAll(gateway, nodes);
      figures.add("events per second", "", watcher.events() / use.seconds());
      figures.add("swaps per second", "", (gateway.swaps().size() - swaps) / use.seconds());
      figures.add("processor share of the gateway", "%", use.share() * 100);
      figures.add("processor share of the API server", "%", server.share() * 100);
      figures.add("written by the gateway", "kB/s", use.writtenBytes() / 1e3 / use.seconds());
      figures.add(
          "resident memory of the gateway then",
          "MiB",
          ProcessUse.residentMebibytes(gateway.pid()));
      figures.add("last write to all nodes in force", "s", late);
      tell(pings.stop());
    }
  }
}
