// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
  private final LabJudge judge;
  private final List<LabGateway> gateways;

  /**
   * @param folder for keys and configurations
   * @param culvert the command line of {@code culvert}
   */
  LabClusterRun(
      LabNetwork network, Path folder, List<String> culvert, LabEngine engine, LabView view) {
    this.network = network;
    this.view = view;
    judge = new LabJudge(network, view);
    gateways = LabGateway.all(network, folder, culvert, engine);
  }

  /** Runs all phases except the faults. */
  void run() {
    for (String port : EXEMPT_PORTS) {
      server().start(Map.of(), Traffic.command("tcp-serve", port)).awaitOutput("listening");
    }
    judge.checkInClear();
    view.phase("cluster: culvert up on three nodes, node-a is the control plane");
    gateways.forEach(gateway -> gateway.startInCluster(gateways));
    Namespace second = network.b.addSecondPod(network.namespaces);
    judge.checkPodsMeet("every pod reaches every other, IPv4 and IPv6");
    judge.checkSilence(
        "through the tunnel not one marker is seen on the wire", judge::speakOnAllWays);
    checkServers("with everything up");
    judge.check(
        "two pods of one node reach each other, and one of another node both",
        Waiting.until(Commands.PATIENCE, () -> neighboursMeet(second) && strangerReachesBoth()),
        "pings");
  }

  private boolean neighboursMeet(Namespace second) {
    LabSite b = network.b;
    return LabJudge.pings(b.pod(), b.secondPodAddress())
        && LabJudge.pings(b.pod(), b.secondPodAddressV6())
        && LabJudge.pings(second, b.podAddress())
        && LabJudge.pings(second, b.podAddressV6());
  }

  private boolean strangerReachesBoth() {
    LabSite b = network.b;
    return Stream.of(b.podAddress(), b.podAddressV6(), b.secondPodAddress(), b.secondPodAddressV6())
        .allMatch(address -> LabJudge.pings(network.a.pod(), address));
  }

  /** Runs the faults, in order. */
  void faults() {
    view.phase("fault: the gateway of node-b is killed, its pods and its node go on");
    gateways.get(1).kill();
    judge.checkSilence("with a gateway dead nothing leaves in clear", judge::speakOnAllWays);
    checkServers("with a gateway dead");
    judge.check(
        "with a gateway dead the pods of its node reach each other",
        LabJudge.pings(network.b.pod(), network.b.secondPodAddress())
            && LabJudge.pings(network.b.pod(), network.b.secondPodAddressV6()),
        "pings");
    judge.timed(
        "secondsFromRestartToTraffic", "then", () -> gateways.get(1).startInCluster(gateways));

    view.phase("fault: node-b loses its key and reboots; the others have the old one");
    gateways.get(1).kill();
    gateways.get(1).loseKey();
    gateways.get(1).startInCluster(gateways);
    judge.checkSilence("with a stale key published nothing leaves in clear", judge::speakOnAllWays);
    checkServers("with a stale key published");
    gateways.get(1).republish();
    judge.timed("secondsFromNewKeyToTraffic", "then", this::reloadOthers);

    view.phase("fault: a pod that no node has heard of");
    judge.checkSilence(
        "to an unknown pod nothing leaves in clear",
        () -> judge.say(network.a.pod(), "10.42.77.1", "fd42:77::1"));

    view.phase("fault: another program flushes rules and nftables of node-a");
    judge.checkSilence(
        "with rules or guard flushed nothing leaves in clear",
        () -> {
          Namespace node = network.a.node();
          for (String family : List.of("-4", "-6")) {
            node.ip(family, "rule", "flush");
            node.ip(family, "rule", "add", "priority", "32766", "lookup", "main");
          }
          judge.speakOnAllWays();
          node.run("nft", "flush", "ruleset");
          judge.speakOnAllWays();
        });
    judge.checkPodsMeet("the pods still reach each other");
  }

  /** The report, after the end of the run: it is shown too. */
  LabReport report() {
    LabReport report = judge.report();
    view.summary(report);
    view.logs(report, gateways);
    return report;
  }

  private Namespace server() {
    return network.a.node();
  }

  /** Checks the servers that a node needs to boot. */
  private void checkServers(String when) {
    boolean all = true;
    for (LabSite worker : network.sites().subList(1, network.sites().size())) {
      all &= reaches(worker.node(), network.a.wireAddress(), network.a.wireAddressV6());
    }
    judge.check("both workers reach API server and etcd " + when, all, "TCP 6443 and 2379");
  }

  private static boolean reaches(Namespace from, String... to) {
    String hosts = String.join(",", to);
    return Traffic.send(from, "tcp-bytes", hosts, String.join(",", EXEMPT_PORTS), "1000", "1") == 0;
  }

  private void reloadOthers() {
    gateways.getFirst().reloadInCluster(gateways);
    gateways.getLast().reloadInCluster(gateways);
  }
}
