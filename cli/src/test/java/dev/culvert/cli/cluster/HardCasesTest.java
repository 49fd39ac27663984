// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Namespaces.End;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Connections that translation, source ports or old habits might lead past the tunnel: with the
 * gateways they work, both ways, and nothing of them is on the wire. Before the gateways start each
 * of them works too, and is seen. All nodes translate addresses as kube-proxy and network plugins
 * do.
 */
@Tag("integration")
final class HardCasesTest {
  private static final int PORT = 8080;
  private static final int EXEMPT = 6443;

  /** Exempt too, and nobody listens there. */
  private static final int ETCD = 2379;

  private static final String OUTSIDE = "192.0.2.254";
  private static final String OUTSIDE_V6 = "2001:db8::fe";

  private static TestCluster cluster;
  private static final List<Daemon> SERVERS = new ArrayList<>();
  private static final Map<String, String> UNSEEN_BEFORE = new LinkedHashMap<>();

  /**
   * A TCP connection.
   *
   * @param filter of the packets that must not have the marker
   */
  private record Case(
      String name, Namespace from, int sourcePort, String v4, String v6, int port, String filter) {
    @Override
    public String toString() {
      return name;
    }

    boolean connects(boolean overV4, String marker) {
      return TestCluster.connects(from, sourcePort, overV4 ? v4 : v6, port, marker);
    }

    String marker(boolean overV4) {
      return "never-in-clear-%08x".formatted((name + overV4).hashCode());
    }
  }

  private static List<Case> connections() {
    Namespace podA = cluster.site(0).pod();
    Namespace podB = cluster.site(1).pod();
    Namespace nodeB = cluster.site(1).node();
    String notOutside = "not host " + OUTSIDE + " and not host " + OUTSIDE_V6;
    List<Case> connections =
        new ArrayList<>(
            List.of(
                new Case("pod to service by nft", podB, 0, "10.96.0.10", "fd96::10", 80, ""),
                new Case("node to service by nft", nodeB, 0, "10.96.0.10", "fd96::10", 80, ""),
                new Case(
                    "from outside through a node port",
                    cluster.network.wire,
                    0,
                    "192.0.2.2",
                    "2001:db8::2",
                    30080,
                    notOutside),
                new Case("masqueraded pod to node", podB, 0, "192.0.2.3", "2001:db8::3", PORT, ""),
                new Case(
                    "masqueraded pod to the API server",
                    podB,
                    0,
                    "192.0.2.1",
                    "2001:db8::1",
                    EXEMPT,
                    ""),
                new Case(
                    "pod of the control plane from an exempt port",
                    podA,
                    EXEMPT,
                    "192.0.2.2",
                    "2001:db8::2",
                    PORT,
                    ""),
                new Case(
                    "worker from an exempt port",
                    nodeB,
                    EXEMPT,
                    "192.0.2.3",
                    "2001:db8::3",
                    PORT,
                    ""),
                new Case("node to pod", nodeB, 0, "10.42.3.10", "fd42:3::10", PORT, "")));
    String service = "10.96.0.11";
    connections.add(new Case("pod to service by iptables", podB, 0, service, "fd96::11", 80, ""));
    connections.add(new Case("node to service by iptables", nodeB, 0, service, "fd96::11", 80, ""));
    return connections;
  }

  @BeforeAll
  static void control() throws IOException {
    Requirements.namespaces();
    Requirements.tool("iptables");
    cluster = new TestCluster(LabEngine.WIREGUARD);
    for (LabSite site : cluster.network.sites()) {
      SERVERS.add(TestCluster.echo(site.node(), PORT));
      SERVERS.add(TestCluster.echo(site.pod(), PORT));
    }
    SERVERS.add(TestCluster.echo(cluster.site(0).node(), EXEMPT));
    translate(cluster.site(1).node());
    for (Case connection : connections()) {
      for (boolean v4 : new boolean[] {true, false}) {
        String marker = connection.marker(v4);
        try (Capture capture = cluster.provenCapture(marker, connection.filter())) {
          boolean works = connection.connects(v4, marker);
          capture.stop();
          if (!works || capture.seen(marker) == 0) {
            UNSEEN_BEFORE.put(connection.name() + v4, "works: " + works);
          }
        }
      }
    }
    cluster.start();
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  /** As kube-proxy does, in both its modes, and a network plugin with its pods. */
  private static void translate(Namespace node) throws IOException {
    for (boolean v4 : new boolean[] {true, false}) {
      String ip = v4 ? "ip" : "ip6";
      String pod = v4 ? "10.42.3.10:8080" : "[fd42:3::10]:8080";
      Path rules = Files.createTempFile("kube", ".nft");
      Files.writeString(
          rules,
          """
          table %1$s kube-proxy {
            chain services {
              %1$s daddr %2$s tcp dport 80 dnat to %4$s
              %1$s daddr %3$s tcp dport 30080 meta mark set meta mark | 0x4000 dnat to %4$s
            }
            chain prerouting { type nat hook prerouting priority dstnat; jump services; }
            chain output { type nat hook output priority -100; jump services; }
            chain postrouting {
              type nat hook postrouting priority srcnat;
              meta mark & 0x4000 == 0x4000 meta mark set meta mark ^ 0x4000 masquerade fully-random
              %1$s saddr %5$s %1$s daddr != %6$s masquerade
            }
          }
          """
              .formatted(
                  ip,
                  v4 ? "10.96.0.10" : "fd96::10",
                  v4 ? "192.0.2.2" : "2001:db8::2",
                  pod,
                  v4 ? "10.42.2.0/24" : "fd42:2::/64",
                  v4 ? "10.42.0.0/16" : "fd42::/16"));
      node.run("nft", "-f", rules.toString());
      Files.delete(rules);
      for (String chain : List.of("PREROUTING", "OUTPUT")) {
        node.run(
            v4 ? "iptables" : "ip6tables",
            "-w",
            "-t",
            "nat",
            "-A",
            chain,
            "-d",
            v4 ? "10.96.0.11" : "fd96::11",
            "-p",
            "tcp",
            "--dport",
            "80",
            "-j",
            "DNAT",
            "--to-destination",
            pod);
      }
    }
  }

  @AfterAll
  static void remove() {
    SERVERS.forEach(Daemon::close);
    if (cluster != null) {
      cluster.close();
    }
  }

  @Test
  void withoutGatewaysEachOfThemWorksAndIsSeen() {
    assertEquals(Map.of(), UNSEEN_BEFORE);
  }

  @ParameterizedTest
  @MethodSource("connections")
  void worksAndIsNotSeenOnTheWire(Case connection) {
    for (boolean v4 : new boolean[] {true, false}) {
      String marker = connection.marker(v4);
      try (Capture capture = cluster.provenCapture(marker, connection.filter())) {
        assertTrue(connection.connects(v4, marker), () -> v4 + cluster.state());
        capture.stop();
        assertEquals(0, capture.seen(marker), v4 ? "IPv4" : "IPv6");
      }
    }
  }

  /** Its routing rules go by ports alone and let this through: the guard knows requests. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theControlPlaneHasNoWayInClearFromItsExemptPorts(boolean v4) {
    Namespace controlPlane = cluster.site(0).node();
    String worker = v4 ? "192.0.2.2" : "2001:db8::2";
    String packets = "tcp and src port " + ETCD + " and dst port " + PORT;
    try (Capture capture = cluster.provenCapture("nothing", packets)) {
      long before = capture.packets();
      assertFalse(TestCluster.connects(controlPlane, ETCD, worker, PORT, "nothing"));
      assertTrue(TestCluster.connects(controlPlane, 0, worker, PORT, "nothing"));
      capture.stop();
      assertEquals(before, capture.packets());
    }
  }

  @Test
  void podsOfOneNodeReachEachOtherAndAreProbed() {
    LabSite site = cluster.site(2);
    Namespace second = cluster.network.namespaces.create("pod-c2");
    Namespaces.connect(new End(site.node(), "pod1"), new End(second, "eth0"));
    site.node().address("pod1", "169.254.7.1/32").address("pod1", "fe80::7:1/64");
    site.node().run("sysctl", "-qw", "net.ipv4.conf.pod1.rp_filter=1");
    site.node().route("10.42.3.11/32", "dev", "pod1").route("fd42:3::11/128", "dev", "pod1");
    second.address("eth0", "10.42.3.11/32").address("eth0", "fd42:3::11/128");
    second.route("169.254.7.1", "dev", "eth0");
    second.route("default", "via", "169.254.7.1");
    second.route("default", "via", "fe80::7:1", "dev", "eth0");
    site.pod().route("10.42.3.11/32", "via", "10.42.3.1");
    site.pod().route("fd42:3::11/128", "via", "fd42:3::1");
    try (Daemon server = TestCluster.echo(second, PORT)) {
      for (String address : List.of("10.42.3.11", "fd42:3::11")) {
        assertTrue(TestCluster.connects(site.pod(), address, PORT, "local"), cluster::state);
        assertTrue(TestCluster.connects(site.node(), address, PORT, "probe"), cluster::state);
        // And it is a pod like any other, though nobody was told of it.
        assertTrue(TestCluster.connects(cluster.site(1).pod(), address, PORT, "remote"));
      }
      for (String address : List.of("10.42.3.10", "fd42:3::10", "192.0.2.3", "2001:db8::3")) {
        assertTrue(TestCluster.connects(second, address, PORT, "local"), cluster::state);
      }
      assertTrue(server.isAlive());
    }
  }

  /** Firewalls that drop too-big messages are many: TCP must not depend on those. */
  @ParameterizedTest
  @CsvSource({"10.42.3.10, 10.42.2.10", "fd42:3::10, fd42:2::10"})
  void tcpPassesWhereTooBigMessagesDoNot(String there, String back) {
    Namespace podB = cluster.site(1).pod();
    Namespace podC = cluster.site(2).pod();
    for (Namespace pod : List.of(podB, podC)) {
      pod.run(
          "nft",
          "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; };"
              + " add rule inet deaf in icmp type destination-unreachable drop;"
              + " add rule inet deaf in icmpv6 type packet-too-big drop");
    }
    try (Daemon sinkB = TestCluster.sink(podB);
        Daemon sinkC = TestCluster.sink(podC)) {
      assertTrue(TestCluster.sends(podB, there), cluster::state);
      assertTrue(TestCluster.sends(podC, back), cluster::state);
      assertTrue(sinkB.isAlive() && sinkC.isAlive());
    } finally {
      podB.run("nft", "delete", "table", "inet", "deaf");
      podC.run("nft", "delete", "table", "inet", "deaf");
    }
  }

  @Test
  void besideCiliumItRefusesToRun() throws IOException {
    Namespace node = cluster.network.namespaces.create("cilium");
    node.ip("link", "add", "cilium_host", "type", "veth", "peer", "name", "cilium_net");
    String name = cluster.site(0).interfaceName() + "x";
    String yaml = Files.readString(cluster.gateways.getFirst().configuration());
    Path file = Files.createTempFile("beside-cilium", ".yaml");
    LabFiles.writePrivate(file, yaml.replace(cluster.site(0).interfaceName(), name));
    Commands.Result refused =
        node.attempt(Commands.PATIENCE, Map.of(), Culvert.command("up", file.toString()));
    Files.delete(file);
    assertEquals(1, refused.exitCode(), refused::toString);
    assertTrue(refused.err().contains("cilium (device cilium_host"));
    assertFalse(node.ip("link").out().contains(name));
    assertEquals("", node.run("nft", "list", "ruleset").out(), "nothing was touched");
  }
}
