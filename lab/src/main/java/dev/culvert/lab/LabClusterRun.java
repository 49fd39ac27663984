// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.LabReport.Check;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * One run of the lab with three nodes, of which the first is the control plane with servers on 6443
 * and 2379. The traffic first goes in clear, which shows that the capture finds packets in clear;
 * then through the gateways; then with one fault after the other. Routes in clear stay in place all
 * the time, as a network plugin would set them, so rules and guard have to hold against them.
 */
final class LabClusterRun {
  private static final List<String> EXEMPT_PORTS = List.of("6443", "2379");

  private final LabNetwork network;
  private final LabView view;
  private final List<LabGateway> gateways = new ArrayList<>();
  private final String marker =
      "culvert-" + "%08x".formatted(ThreadLocalRandom.current().nextInt());
  private final List<Check> checks = new ArrayList<>();
  private final Map<String, Object> figures = new LinkedHashMap<>();

  /**
   * @param folder for keys and configurations
   * @param culvert the command line of {@code culvert}
   */
  LabClusterRun(
      LabNetwork network, Path folder, List<String> culvert, LabEngine engine, LabView view) {
    this.network = network;
    this.view = view;
    network.sites().forEach(site -> gateways.add(new LabGateway(site, folder, culvert, engine)));
  }

  /** Runs all phases except the faults. */
  void run() {
    for (LabSite site : network.sites()) {
      network.sites().stream().filter(other -> !other.equals(site)).forEach(site::routeInClear);
    }
    for (String port : EXEMPT_PORTS) {
      server().start(Map.of(), Traffic.command("tcp-serve", port)).awaitOutput("listening");
    }
    view.phase("control: pods and nodes speak over the wire without a tunnel");
    long inClear = markers(this::speakOnAllWays);
    figures.put("markerInClearWithoutTunnel", inClear);
    check("without the tunnel the capture sees the marker", inClear > 0, times(inClear));
    view.phase("cluster: culvert up on three nodes, node-a is the control plane");
    gateways.forEach(gateway -> gateway.startInCluster(gateways));
    Namespace second = network.b.addSecondPod(network.namespaces);
    check("every pod reaches every other, IPv4 and IPv6", podsMeet(), "pings");
    checkSilence("through the tunnel not one marker is seen on the wire", this::speakOnAllWays);
    checkServers("with everything up");
    check(
        "two pods of one node reach each other, and one of another node both",
        Waiting.until(Commands.PATIENCE, () -> neighboursMeet(second) && strangerReachesBoth()),
        "pings");
  }

  private boolean neighboursMeet(Namespace second) {
    LabSite b = network.b;
    return pings(b.pod(), b.secondPodAddress())
        && pings(b.pod(), b.secondPodAddressV6())
        && pings(second, b.podAddress())
        && pings(second, b.podAddressV6());
  }

  private boolean strangerReachesBoth() {
    LabSite b = network.b;
    return Stream.of(b.podAddress(), b.podAddressV6(), b.secondPodAddress(), b.secondPodAddressV6())
        .allMatch(address -> pings(network.a.pod(), address));
  }

  /** Runs the faults, in order. */
  void faults() {
    view.phase("fault: the gateway of node-b is killed, its pods and its node go on");
    gateways.get(1).kill();
    checkSilence("with a gateway dead nothing leaves in clear", this::speakOnAllWays);
    checkServers("with a gateway dead");
    check(
        "with a gateway dead the pods of its node reach each other",
        pings(network.b.pod(), network.b.secondPodAddress())
            && pings(network.b.pod(), network.b.secondPodAddressV6()),
        "pings");
    timed("secondsFromRestartToTraffic", () -> gateways.get(1).startInCluster(gateways));

    view.phase("fault: node-b loses its key and reboots; the others have the old one");
    gateways.get(1).kill();
    gateways.get(1).loseKey();
    gateways.get(1).startInCluster(gateways);
    checkSilence("with a stale key published nothing leaves in clear", this::speakOnAllWays);
    checkServers("with a stale key published");
    gateways.get(1).republish();
    timed("secondsFromNewKeyToTraffic", this::reloadOthers);

    view.phase("fault: a pod that no node has heard of");
    checkSilence(
        "to an unknown pod nothing leaves in clear",
        () -> {
          say(network.a.pod(), "10.42.77.1");
          say(network.a.pod(), "fd42:77::1");
        });

    view.phase("fault: another program flushes rules and nftables of node-a");
    checkSilence(
        "with rules or guard flushed nothing leaves in clear",
        () -> {
          Namespace node = network.a.node();
          for (String family : List.of("-4", "-6")) {
            node.ip(family, "rule", "flush");
            node.ip(family, "rule", "add", "priority", "32766", "lookup", "main");
          }
          speakOnAllWays();
          node.run("nft", "flush", "ruleset");
          speakOnAllWays();
        });
    check("the pods still reach each other", podsMeet(), "pings");
  }

  LabReport report() {
    return LabReport.of(checks, figures);
  }

  private Namespace server() {
    return network.a.node();
  }

  private void check(String claim, boolean held, String seen) {
    checks.add(new Check(claim, held, seen));
    view.check(checks.getLast());
  }

  private static String times(long seen) {
    return "%,d times".formatted(seen);
  }

  /** Sends pod to pod, pod to node, node to pod, node to node, and from a pod to an exempt port. */
  private void speakOnAllWays() {
    LabSite b = network.b;
    LabSite c = network.sites().get(2);
    for (Namespace from : List.of(b.pod(), b.node())) {
      for (String to :
          List.of(c.podAddress(), c.podAddressV6(), c.wireAddress(), c.wireAddressV6())) {
        say(from, to);
      }
    }
  }

  private void say(Namespace from, String to) {
    Traffic.send(from, "udp-text", to, "9001", marker);
  }

  /** How often the marker is on the wire while {@code action} runs. */
  private long markers(Runnable action) {
    try (Capture capture = Capture.start(network.wire, LabNetwork.BRIDGE, "", List.of(marker))) {
      action.run();
      capture.stop();
      return capture.seen(marker);
    }
  }

  private void checkSilence(String claim, Runnable action) {
    long seen = markers(action);
    check(claim, seen == 0, times(seen));
  }

  /** Checks the servers that a node needs to boot. */
  private void checkServers(String when) {
    boolean all = true;
    for (LabSite worker : network.sites().subList(1, network.sites().size())) {
      for (String port : EXEMPT_PORTS) {
        all &= connects(worker.node(), network.a.wireAddress(), port);
        all &= connects(worker.node(), network.a.wireAddressV6(), port);
      }
    }
    check("both workers reach API server and etcd " + when, all, "TCP 6443 and 2379");
  }

  private static boolean connects(Namespace from, String to, String port) {
    return Traffic.send(from, "tcp-bytes", to, port, "1000", "1") == 0;
  }

  private boolean podsMeet() {
    return Waiting.until(Commands.PATIENCE, this::allPing);
  }

  private boolean allPing() {
    List<BooleanSupplier> pings = new ArrayList<>();
    for (LabSite from : network.sites()) {
      for (LabSite to : network.sites()) {
        if (!from.equals(to)) {
          pings.add(() -> pings(from.pod(), to.podAddress()));
          pings.add(() -> pings(from.pod(), to.podAddressV6()));
        }
      }
    }
    return pings.stream().allMatch(BooleanSupplier::getAsBoolean);
  }

  private static boolean pings(Namespace from, String to) {
    return from.attempt("ping", "-n", "-c", "1", "-W", "1", to).succeeded();
  }

  private void reloadOthers() {
    gateways.getFirst().reloadInCluster(gateways);
    gateways.getLast().reloadInCluster(gateways);
  }

  private void timed(String figure, Runnable action) {
    long began = System.nanoTime();
    action.run();
    boolean meet = podsMeet();
    double seconds = (System.nanoTime() - began) / 1e9;
    figures.put(figure, seconds);
    check(
        "then every pod reaches every other",
        meet,
        "after %.1f s".formatted(Duration.ofNanos((long) (seconds * 1e9)).toMillis() / 1e3));
  }
}
