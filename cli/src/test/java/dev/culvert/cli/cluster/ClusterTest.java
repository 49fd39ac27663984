// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.Way;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A cluster of three that goes through faults: who still reaches whom, and how. One cluster goes
 * through all of them, and each test leaves it whole, except the last two.
 */
@Tag("integration")
@ParameterizedClass
@EnumSource(names = {"WIREGUARD", "ESP"})
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class ClusterTest {
  private static final String MARKER = "never-in-clear-0";
  private static final String API_SERVER = "asked-api-server";

  private static @Nullable TestCluster running;
  private final TestCluster cluster;

  ClusterTest(LabEngine engine) {
    cluster = Objects.requireNonNull(running, engine::toString);
  }

  @BeforeParameterizedClassInvocation
  static void start(LabEngine engine) throws IOException {
    Requirements.namespaces();
    TestCluster cluster = new TestCluster(engine);
    running = cluster;
    cluster.start();
  }

  @AfterParameterizedClassInvocation
  static void remove() {
    if (running != null) {
      running.close();
      running = null;
    }
  }

  @BeforeEach
  void isWhole() {
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  private boolean workersReach(int port) {
    boolean all = true;
    for (int worker = 1; worker < 3; worker++) {
      Namespace node = cluster.site(worker).node();
      all &= TestCluster.connects(node, "192.0.2.1", port, API_SERVER);
      all &= TestCluster.connects(node, "2001:db8::1", port, API_SERVER);
    }
    return all;
  }

  private String name(int node) {
    return cluster.site(node).interfaceName();
  }

  @Test
  void theControlPlaneIsReachedInClearByNodesAndThroughTheTunnelByPods() {
    try (Daemon server = TestCluster.echo(cluster.site(0).node(), 6443);
        Daemon etcd = TestCluster.echo(cluster.site(0).node(), 2379);
        Daemon etcdPeer = TestCluster.echo(cluster.site(0).node(), 2380)) {
      try (Capture capture = cluster.provenCapture(API_SERVER)) {
        assertTrue(workersReach(6443) && workersReach(2379) && workersReach(2380));
        capture.prove(API_SERVER, () -> {});
      }
      try (Capture capture = cluster.provenCapture(MARKER)) {
        Namespace pod = cluster.site(1).pod();
        for (int port : new int[] {6443, 2379, 2380}) {
          assertTrue(TestCluster.connects(pod, "192.0.2.1", port, MARKER));
          assertTrue(TestCluster.connects(pod, "2001:db8::1", port, MARKER));
        }
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
      assertTrue(server.isAlive() && etcd.isAlive() && etcdPeer.isAlive());
      String audit = cluster.culvert(0, "audit", name(0), "-o", "json").orThrow().out();
      assertFalse(
          audit
              .replaceAll("\\s", "")
              .contains("\"traffic\":\"api-server\",\"encrypted\":0,\"exempt\":0"),
          audit);
    }
  }

  @Test
  void aControlPlaneThatLostItsKeyIsReachedThroughTheExemptionsAndThenReKeyed() throws IOException {
    LabGateway lost = cluster.gateways.getFirst();
    lost.kill();
    lost.loseKey();
    lost.startInCluster(cluster.gateways);
    try (Daemon server = TestCluster.echo(cluster.site(0).node(), 6443);
        Daemon etcd = TestCluster.echo(cluster.site(0).node(), 2379)) {
      Namespace pod = cluster.site(1).pod();
      assertFalse(TestCluster.pings(pod, cluster.site(0).podAddress()), "nobody has its key yet");
      assertFalse(TestCluster.pings(pod, cluster.site(0).podAddressV6()));
      assertTrue(workersReach(6443) && workersReach(2379), "with a stale key published");
      for (LabSite site : cluster.network.sites()) {
        site.node().ip("neigh", "flush", "all");
      }
      assertTrue(workersReach(6443), "neighbours are found under the guard");
      lost.republish();
      for (LabGateway other : cluster.gateways.subList(1, 3)) {
        Files.writeString(other.configuration(), other.clusterYaml(cluster.gateways));
        other.daemon().signal("HUP");
      }
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      assertTrue(server.isAlive() && etcd.isAlive());
    }
  }

  @Test
  void aDeadGatewayLeavesTheGuardAndTheExemptions() {
    LabGateway dead = cluster.gateways.get(1);
    try (Daemon server = TestCluster.echo(cluster.site(0).node(), 6443);
        Capture capture = cluster.provenCapture(MARKER)) {
      dead.kill();
      for (Way way : Way.all()) {
        way.send(cluster, true, MARKER);
        way.send(cluster, false, MARKER);
      }
      assertTrue(workersReach(6443), "a dead gateway's node still boots");
      assertEquals(0, cluster.culvert(1, "audit", name(1)).exitCode(), "nothing was in clear");
      long began = System.nanoTime();
      dead.startInCluster(cluster.gateways);
      assertTrue(
          Waiting.until(Commands.PATIENCE, () -> hasMetAll(dead)), "it waits for nobody's traffic");
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      System.out.printf("FIGURE restart to restored %.2f s%n", (System.nanoTime() - began) / 1e9);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      assertTrue(server.isAlive());
    }
  }

  private static boolean hasMetAll(LabGateway gateway) {
    return gateway.status().orElseThrow().peers().stream()
        .allMatch(peer -> peer.lastHandshake() != null);
  }

  @Test
  void whatOthersFlushIsRepairedAndNothingLeavesMeanwhile() {
    Namespace node = cluster.site(0).node();
    String rules = node.ip("rule").out();
    String rules6 = node.ip("-6", "rule").out();
    String guard = node.run("nft", "-s", "list", "ruleset").out();
    try (Capture capture = cluster.provenCapture(MARKER)) {
      for (boolean v4 : new boolean[] {true, false}) {
        node.ip(v4 ? "-4" : "-6", "rule", "flush");
        node.ip(v4 ? "-4" : "-6", "rule", "add", "priority", "32766", "lookup", "main");
        Way.all().forEach(way -> way.send(cluster, v4, MARKER));
      }
      long began = System.nanoTime();
      node.run("nft", "flush", "ruleset");
      assertTrue(
          Waiting.until(
              Commands.PATIENCE,
              () -> node.run("nft", "-s", "list", "ruleset").out().equals(guard)));
      System.out.printf("FIGURE guard repaired after %.3f s%n", (System.nanoTime() - began) / 1e9);
      Way.all().forEach(way -> way.send(cluster, true, MARKER));
      assertTrue(Waiting.until(Commands.PATIENCE, () -> sameButDefault(node, rules, rules6)));
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
    }
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  /** The rule of the table "default" was not ours, and is gone. */
  private static boolean sameButDefault(Namespace node, String rules, String rules6) {
    String now = node.ip("rule").out() + node.ip("-6", "rule").out();
    return (rules + rules6)
        .lines()
        .filter(line -> !line.contains("lookup default"))
        .allMatch(now::contains);
  }

  @Test
  void anAddressInAPodRangeIsANodesAndThenAPods() throws IOException {
    cluster.site(2).node().address(LabSite.WIRE_DEVICE, "10.42.2.99/32");
    cluster.site(2).node().address(LabSite.WIRE_DEVICE, "fd42:2::99/128");
    reload(
        "internal: [192.0.2.3, '2001:db8::3']",
        "internal: [192.0.2.3, '2001:db8::3', 10.42.2.99, 'fd42:2::99']");
    assertTrue(reachesIt(), cluster::state);
    cluster.site(2).node().ip("address", "del", "10.42.2.99/32", "dev", LabSite.WIRE_DEVICE);
    cluster.site(2).node().ip("address", "del", "fd42:2::99/128", "dev", LabSite.WIRE_DEVICE);
    cluster.site(1).pod().address("eth0", "10.42.2.99/32");
    cluster.site(1).pod().address("eth0", "fd42:2::99/128");
    reload(", 10.42.2.99, 'fd42:2::99']", "]");
    assertTrue(reachesIt(), cluster::state);
    cluster.site(1).pod().ip("address", "del", "10.42.2.99/32", "dev", "eth0");
    cluster.site(1).pod().ip("address", "del", "fd42:2::99/128", "dev", "eth0");
  }

  /** The address was on the wire: a packet that is sent there in clear arrives nowhere else. */
  @Test
  @Order(Integer.MAX_VALUE) // A node is gone afterwards.
  void aDeadNodesAddressIsGivenToAPodOfAnother() throws IOException {
    LabGateway dead = cluster.gateways.get(2);
    LabGateway heir = cluster.gateways.get(1);
    dead.kill();
    dead.site().node().ip("link", "set", LabSite.WIRE_DEVICE, "down");
    heir.site().pod().address("eth0", "192.0.2.3/32").address("eth0", "2001:db8::3/128");
    heir.site().node().route("192.0.2.3/32", "via", "10.42.2.10");
    heir.site().node().route("2001:db8::3/128", "via", "fd42:2::10");
    List<LabGateway> living = cluster.gateways.subList(0, 2);
    for (LabGateway gateway : living) {
      String yaml =
          gateway
              .clusterYaml(living)
              .replace("\"10.42.2.0/24\"", "192.0.2.3/32, '2001:db8::3/128', 10.42.2.0/24");
      assertTrue(yaml.contains("192.0.2.3/32"), yaml);
      LabFiles.writePrivate(gateway.configuration(), yaml);
      cluster.culvert(0, "reload", gateway.site().interfaceName()).orThrow();
    }
    try (Daemon server = TestCluster.echo(heir.site().pod(), 8080);
        Capture capture = cluster.provenCapture(MARKER)) {
      for (Namespace from : List.of(cluster.site(0).pod(), cluster.site(0).node())) {
        for (String address : List.of("192.0.2.3", "2001:db8::3")) {
          assertTrue(TestCluster.connects(from, address, 8080, MARKER), cluster::state);
          TestCluster.send(from, address, 6443, 0, MARKER);
        }
      }
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      assertTrue(server.isAlive());
    }
  }

  private void reload(String before, String after) throws IOException {
    for (LabGateway gateway : cluster.gateways) {
      String yaml = Files.readString(gateway.configuration());
      assertTrue(yaml.contains(before), yaml);
      Files.writeString(gateway.configuration(), yaml.replace(before, after));
      cluster.culvert(0, "reload", gateway.site().interfaceName()).orThrow();
    }
  }

  private boolean reachesIt() {
    Namespace pod = cluster.site(0).pod();
    try (Capture capture = cluster.provenCapture(MARKER)) {
      TestCluster.send(pod, "10.42.2.99", 9, 0, MARKER);
      TestCluster.send(pod, "fd42:2::99", 9, 0, MARKER);
      boolean reached =
          Waiting.until(
              Commands.PATIENCE,
              () -> TestCluster.pings(pod, "10.42.2.99") && TestCluster.pings(pod, "fd42:2::99"));
      capture.stop();
      return reached && capture.seen(MARKER) == 0;
    }
  }

  @Test
  void theNodeAndItsOwnPodsReachEachOtherUnderTheGuard() {
    for (LabSite site : cluster.network.sites()) {
      for (String address : List.of(site.podAddress(), site.podAddressV6())) {
        assertTrue(TestCluster.pings(site.node(), address), "as a probe of the kubelet's");
      }
      assertTrue(TestCluster.pings(site.pod(), site.wireAddress()));
      assertTrue(TestCluster.pings(site.pod(), site.wireAddressV6()));
    }
  }

  @Test
  @Order(Integer.MAX_VALUE - 1) // Packets in clear are counted afterwards.
  void theSelfTestSeesSealedPacketsAndThoseInClear() {
    Commands.Result sealed = cluster.culvert(0, "verify", name(0));
    assertEquals(0, sealed.exitCode(), sealed::toString);
    String explained =
        cluster.culvert(0, "routes", name(0), "--explain", "10.42.1.10", "10.42.2.10:80").out();
    assertTrue(explained.startsWith("encrypted\n"), explained);
    LabGateway first = cluster.gateways.getFirst();
    first.kill();
    first.start(first.clusterYaml(cluster.gateways) + "  encrypt: {nodeToNode: false}\n");
    Commands.Result inClear = cluster.culvert(0, "verify", name(0));
    assertEquals(5, inClear.exitCode(), inClear::toString);
    Commands.Result audit = cluster.culvert(0, "audit", name(0));
    assertEquals(5, audit.exitCode(), audit::toString);
  }
}
