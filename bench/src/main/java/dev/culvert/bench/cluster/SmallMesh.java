// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.bench.figures.Figures;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.kubernetes.Server;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The figures of a mesh of three gateways and a registrar: nodes that join it, ranges that change,
 * and the API server that comes back.
 */
final class SmallMesh {
  private static final Map<String, String> REGISTRAR = Map.of("CULVERT_REGISTRAR", "embedded");
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Duration APART = Duration.ofMillis(1300);
  private static final int FIRST = 0;
  private static final int SECOND = 1;
  private static final int THIRD = 2;

  private final LabCluster cluster;
  private final Figures figures;
  private final NodeWriter writer;
  private final NodeGateway second;
  private NodeGateway first;

  /** The node that joined last, and its gateway. */
  private String third = "";

  private @Nullable NodeGateway last;

  /** Starts the first two gateways. The third one joins and leaves. */
  SmallMesh(LabCluster cluster, Figures figures, NodeWriter writer) {
    this.cluster = cluster;
    this.figures = figures;
    this.writer = writer;
    figures.section("a mesh of three with its registrar");
    cluster.plane().startControllers();
    cluster.join(FIRST, "node-a");
    cluster.join(SECOND, "node-b");
    first = cluster.start(FIRST, "node-a", REGISTRAR);
    second = cluster.start(SECOND, "node-b", Map.of());
    awaitPing(FIRST, cluster.site(SECOND).podAddress());
  }

  private void awaitPing(int from, String address) {
    try (PingStream pings = new PingStream(cluster.site(from).pod(), address)) {
      pings.firstAnswer(PATIENCE);
    }
  }

  /** Nodes that join one after the other, each with a new name and a new key. */
  void joins(int count) {
    List<Double> sinceStart = new ArrayList<>();
    List<Double> sinceClaim = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String name = "joins-" + i;
      try (PingStream pings =
          new PingStream(cluster.site(FIRST).pod(), cluster.site(THIRD).podAddress())) {
        double began = System.currentTimeMillis() / 1e3;
        cluster.join(THIRD, name);
        NodeGateway gateway = cluster.start(THIRD, name, Map.of());
        double claimed = awaitClaim(name);
        double answered = pings.firstAnswer(PATIENCE);
        sinceStart.add(answered - began);
        sinceClaim.add(answered - claimed);
        if (i + 1 < count) {
          gateway.kill();
          leave(name);
        } else {
          third = name;
          last = gateway;
        }
      }
    }
    figures.addRuns("Node made and gateway started, to first answered ping", "s", sinceStart);
    figures.addRuns("  CulvertNode made, to first answered ping", "s", sinceClaim);
  }

  private double awaitClaim(String name) {
    if (!Waiting.until(PATIENCE, () -> writer.find(name) != null)) {
      throw new LabException("no claim of " + name);
    }
    return System.currentTimeMillis() / 1e3;
  }

  /** The node goes for good, and then the others have forgotten it. */
  private void leave(String name) {
    writer.delete(name);
    cluster.leave(name);
    cluster.forget(THIRD, "*");
    if (!Waiting.until(PATIENCE, () -> first.status().orElseThrow().peers().size() == 1)) {
      throw new LabException(name + " is not forgotten: " + first.output());
    }
  }

  /**
   * Addresses that the third node gets for new pods. The registrar reads ranges from Pods here, as
   * with the network plugins of AWS and Azure: a Node's own range never changes.
   */
  void ranges(int count) {
    rangesFromPods();
    LabSite to = cluster.site(THIRD);
    List<Double> delays = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String address = "10.42.%d.10".formatted(100 + i);
      to.pod().address("eth0", address + "/32");
      to.node().route(address + "/32", "dev", "pod0");
      String pod = "pod-" + i;
      cluster.objects().addPod(pod, third, "default");
      try (PingStream pings = new PingStream(cluster.site(FIRST).pod(), address)) {
        Waiting.pause(APART);
        double written = System.currentTimeMillis() / 1e3;
        cluster.objects().setPodAddresses(pod, List.of(address));
        delays.add(pings.firstAnswer(PATIENCE) - written);
      }
    }
    figures.addRuns("address of a Pod written, to first answered ping", "s", delays);
  }

  private void rangesFromPods() {
    cluster.plane().allowPods("culvert-control-plane");
    for (int i = 0; i < 3; i++) {
      String pod = "of-site-" + i;
      cluster.objects().addPod(pod, List.of("node-a", "node-b", third).get(i), "default");
      cluster.objects().setPodAddresses(pod, List.of(cluster.site(i).podAddress()));
    }
    first.stop();
    first =
        cluster.start(
            FIRST, "node-a", Map.of("CULVERT_REGISTRAR", "embedded", "CULVERT_POD_RANGES", "pods"));
    first.awaitSynced();
    awaitPing(FIRST, cluster.site(THIRD).podAddress());
  }

  /** The API server is killed, and started again when all gateways have noticed. */
  void restarts(int count) {
    List<NodeGateway> all = List.of(first, second, Objects.requireNonNull(last));
    List<Double> ready = new ArrayList<>();
    List<Double> resumed = new ArrayList<>();
    Server server = cluster.plane().apiServer(0);
    for (int i = 0; i < count; i++) {
      server.kill();
      await(all, gateway -> gateway.controlPlane().error() != null);
      long began = System.nanoTime();
      server.start();
      cluster.plane().awaitReady(server);
      ready.add(LargeCluster.seconds(began));
      await(all, gateway -> NodeGateway.follows(gateway.controlPlane()));
      resumed.add(LargeCluster.seconds(began));
    }
    figures.addRuns("API server started, to ready", "s", ready);
    figures.addRuns("  to all three gateways following it", "s", resumed);
  }

  private static void await(List<NodeGateway> gateways, Predicate<NodeGateway> state) {
    if (!Waiting.until(PATIENCE, () -> gateways.stream().allMatch(state))) {
      throw new LabException(
          gateways.stream().map(NodeGateway::output).collect(Collectors.joining("\n")));
    }
  }
}
