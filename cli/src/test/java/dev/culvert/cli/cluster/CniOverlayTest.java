// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Namespaces.End;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Two nodes whose network plugins carry pods' packets in VXLAN, side by side: flannel in both
 * families, with its masquerading, and Calico with blocks. Before there are gateways, VXLAN with
 * plaintext inside is seen on the wire.
 */
@Tag("integration")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class CniOverlayTest {
  private static final String MARKER = "never-in-clear-7";
  private static final String VXLAN = "udp port 8472 or udp port 4789";
  private static final int PORT = 8080;
  private static final int POD_MTU = 1450;
  private static final int TUNNEL_MTU = 1440;
  private static final int IPV4_AND_ICMP = 28;
  private static final int IPV6_AND_ICMP = 48;

  /** The pods of a plugin. */
  private enum Plugin {
    FLANNEL("10.42.%d.10", "10.42.%d.0"),
    FLANNEL_IPV6("fd42:%d::10", "fd42:%d::"),
    CALICO("10.244.%d.10", "10.244.%d.0"),

    /** A range that nobody told Culvert of. */
    UNKNOWN("10.43.%d.10", "10.43.%d.0");

    private final String pod;
    private final String host;

    Plugin(String pod, String host) {
      this.pod = pod;
      this.host = host;
    }

    String pod(int site) {
      return pod.formatted(site + 1);
    }

    /** The address of the plugin's VXLAN device. */
    String host(int site) {
      return host.formatted(site + 1);
    }

    Namespace namespace(int site) {
      return this == CALICO ? CALICO_PODS.get(site) : cluster.site(site).pod();
    }

    int headers() {
      return this == FLANNEL_IPV6 ? IPV6_AND_ICMP : IPV4_AND_ICMP;
    }
  }

  private static final Set<Plugin> KNOWN = EnumSet.complementOf(EnumSet.of(Plugin.UNKNOWN));

  private static TestCluster cluster;
  private static final List<Namespace> CALICO_PODS = new ArrayList<>();
  private static final List<Daemon> SERVERS = new ArrayList<>();
  private static final Set<Plugin> SEEN_BEFORE = EnumSet.noneOf(Plugin.class);

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    Requirements.tool("iptables");
    cluster = new TestCluster(LabEngine.WIREGUARD, 2);
    for (int i = 0; i < 2; i++) {
      LabSite site = cluster.site(i);
      LabSite other = cluster.site(1 - i);
      CALICO_PODS.add(cluster.network.namespaces.create("calico-" + site.letter()));
      flannel(site, other);
      unknown(site, other);
      calico(site, other, CALICO_PODS.get(i));
      SERVERS.add(TestCluster.echo(site.pod(), PORT));
      SERVERS.add(TestCluster.echo(CALICO_PODS.get(i), PORT));
      SERVERS.add(TestCluster.echo(site.node(), PORT));
      SERVERS.add(TestCluster.sink(site.pod()));
      SERVERS.add(TestCluster.sink(CALICO_PODS.get(i)));
    }
    try (Capture capture = cluster.provenCapture(MARKER, VXLAN)) {
      for (Plugin plugin : Plugin.values()) {
        long before = capture.seen(MARKER);
        if (TestCluster.connects(plugin.namespace(0), plugin.pod(1), PORT, MARKER)
            && Waiting.until(Commands.PATIENCE, () -> capture.seen(MARKER) > before)) {
          SEEN_BEFORE.add(plugin);
        }
      }
    }
    startGateways();
  }

  private static void startGateways() {
    SideBySide.run(
        cluster.gateways.stream().map(CniOverlayTest::starting).toArray(Runnable[]::new));
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> TestCluster.pings(Plugin.CALICO.namespace(0), Plugin.CALICO.pod(1))),
        cluster::state);
  }

  private static Runnable starting(LabGateway gateway) {
    return () -> gateway.start(yaml(gateway));
  }

  private static String yaml(LabGateway gateway) {
    String yaml = gateway.clusterYaml(cluster.gateways);
    for (int i = 1; i < 3; i++) {
      yaml =
          yaml.replace(
              "\"10.42.%d.0/24\"".formatted(i),
              "\"10.42.%1$d.0/24\", \"10.244.%1$d.0/26\"".formatted(i));
    }
    int number = gateway.site().number();
    return yaml.replace("10.42.0.0/16, ", "10.42.0.0/16, 10.244.0.0/16, ")
        .replace(
            "interface: {",
            "interface: {addresses: [10.99.0.%1$d/32, 'fd99::%1$d/128'], ".formatted(number));
  }

  /** As flannel makes it: no learning, one route, neighbour and forwarding entry per node. */
  private static void flannel(LabSite site, LabSite other) {
    Namespace node = site.node();
    other.podCidrs().forEach(range -> node.ip("route", "del", range));
    vxlan(site, "flannel.1", "1", "8472", site.wireAddress());
    vxlan(site, "flannel-v6.1", "1", "8472", site.wireAddressV6());
    node.address("flannel.1", Plugin.FLANNEL.host(site.number() - 1) + "/32");
    node.address("flannel-v6.1", Plugin.FLANNEL_IPV6.host(site.number() - 1) + "/128");
    reach(site, other, "flannel.1", Plugin.FLANNEL, other.wireAddress(), other.podCidrs().get(0));
    reach(
        site,
        other,
        "flannel-v6.1",
        Plugin.FLANNEL_IPV6,
        other.wireAddressV6(),
        other.podCidrs().get(1));
    node.ip("link", "set", "pod0", "mtu", "" + POD_MTU);
    site.pod().ip("link", "set", "eth0", "mtu", "" + POD_MTU);
    masquerade(node, "iptables", "10.42.0.0/16", site.podCidrs().get(0), "224.0.0.0/4");
    masquerade(node, "ip6tables", "fd42::/16", site.podCidrs().get(1), "ff00::/8");
  }

  private static void vxlan(LabSite site, String device, String id, String port, String local) {
    Namespace node = site.node();
    String[] command = {
      "link",
      "add",
      device,
      "address",
      mac(site),
      "type",
      "vxlan",
      "id",
      id,
      "local",
      local,
      "dev",
      LabSite.WIRE_DEVICE,
      "dstport",
      port,
      "nolearning"
    };
    node.ip(command);
    node.up(device);
  }

  private static String mac(LabSite site) {
    return "02:00:00:00:00:0" + site.number();
  }

  private static void reach(
      LabSite site, LabSite other, String device, Plugin plugin, String endpoint, String range) {
    Namespace node = site.node();
    String via = plugin.host(other.number() - 1);
    node.ip("neigh", "add", via, "lladdr", mac(other), "dev", device, "nud", "permanent");
    node.run("bridge", "fdb", "append", mac(other), "dev", device, "dst", endpoint);
    node.route(range, "via", via, "dev", device, "onlink");
  }

  /** Flannel's rules, the last of which is for packets of the host to pods of other nodes. */
  private static void masquerade(
      Namespace node, String tool, String cluster, String own, String multicast) {
    String masquerade = "-m mark --mark 0x4000/0x4000 -j MASQUERADE"; // kube-proxy's
    for (String rule :
        List.of(
            masquerade,
            "-m mark --mark 0x4000/0x4000 -j RETURN",
            "-s %2$s -d %1$s -j RETURN",
            "-s %1$s -d %2$s -j RETURN",
            "! -s %1$s -d %2$s -j RETURN",
            "-s %1$s ! -d %3$s -j MASQUERADE --random-fully",
            "! -s %1$s -d %1$s -j MASQUERADE --random-fully")) {
      String words = tool + " -w -t nat -A POSTROUTING " + rule.formatted(cluster, own, multicast);
      node.run(words.split(" "));
    }
  }

  /** More pods behind flannel's device, of a range outside of the cluster's. */
  private static void unknown(LabSite site, LabSite other) {
    site.pod().address("eth0", Plugin.UNKNOWN.pod(site.number() - 1) + "/32");
    site.node().route(Plugin.UNKNOWN.pod(site.number() - 1) + "/32", "dev", "pod0");
    String via = Plugin.FLANNEL.host(other.number() - 1);
    String range = "10.43." + other.number() + ".0/24";
    site.node().route(range, "via", via, "dev", "flannel.1", "onlink");
    site.pod()
        .route(
            range,
            "via",
            "10.42." + site.number() + ".1",
            "src",
            Plugin.UNKNOWN.pod(site.number() - 1));
  }

  /** As Calico makes it: a block per node, a blackhole for its free addresses, routes to pods. */
  private static void calico(LabSite site, LabSite other, Namespace pod) {
    Namespace node = site.node();
    vxlan(site, "vxlan.calico", "4096", "4789", site.wireAddress());
    node.address("vxlan.calico", Plugin.CALICO.host(site.number() - 1) + "/32");
    String range = "10.244." + other.number() + ".0/26";
    reach(site, other, "vxlan.calico", Plugin.CALICO, other.wireAddress(), range);
    Namespaces.connect(new End(node, "cali0"), new End(pod, "eth0"));
    String address = Plugin.CALICO.pod(site.number() - 1) + "/32";
    node.ip("route", "add", "blackhole", "10.244." + site.number() + ".0/26");
    node.route(address, "dev", "cali0");
    node.run("sysctl", "-qw", "net.ipv4.conf.cali0.rp_filter=1", "net.ipv4.conf.cali0.proxy_arp=1");
    node.ip("link", "set", "cali0", "mtu", "" + POD_MTU);
    pod.ip("link", "set", "eth0", "mtu", "" + POD_MTU);
    pod.address("eth0", address).route("169.254.1.1", "dev", "eth0");
    pod.route("default", "via", "169.254.1.1");
    node.run(
        "iptables -w -t nat -A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE"
            .split(" "));
  }

  @AfterAll
  static void remove() {
    SERVERS.forEach(Daemon::close);
    SERVERS.clear();
    CALICO_PODS.clear();
    if (cluster != null) {
      cluster.close();
    }
  }

  private static Capture insideTheTunnel(String filter) {
    LabSite site = cluster.site(0);
    return Capture.start(site.node(), site.interfaceName(), filter, List.of(MARKER));
  }

  @Test
  void withoutGatewaysPlaintextIsSeenInVxlan() {
    assertEquals(EnumSet.allOf(Plugin.class), SEEN_BEFORE);
  }

  /** Culvert's rules come before the plugin's routes. */
  @ParameterizedTest
  @EnumSource(names = "UNKNOWN", mode = EnumSource.Mode.EXCLUDE)
  void podsReachEachOtherEncryptedWithoutVxlanInside(Plugin plugin) {
    try (Capture wire = cluster.provenCapture(MARKER);
        Capture tunnel = insideTheTunnel("");
        Capture vxlan = insideTheTunnel(VXLAN)) {
      for (int from = 0; from < 2; from++) {
        String to = plugin.pod(1 - from);
        assertTrue(TestCluster.connects(plugin.namespace(from), to, PORT, MARKER), cluster::state);
      }
      wire.stop();
      tunnel.stop();
      vxlan.stop();
      assertEquals(0, wire.seen(MARKER));
      assertTrue(tunnel.seen(MARKER) > 0);
      assertEquals(0, vxlan.packets());
    }
  }

  /** The plugin's MTU is larger than the tunnel's. */
  @ParameterizedTest
  @EnumSource(names = "UNKNOWN", mode = EnumSource.Mode.EXCLUDE)
  void packetsOfThePodsMtuAreToldTheTunnelsAndTcpKnowsIt(Plugin plugin) {
    Namespace pod = plugin.namespace(0);
    Commands.Result result = ping(pod, plugin.pod(1), POD_MTU - plugin.headers());
    assertFalse(result.succeeded(), result.out());
    String said = result.out() + result.err();
    assertTrue(Pattern.compile("mtu ?[=:] ?" + TUNNEL_MTU + "\\b").matcher(said).find(), said);
    Commands.Result fits = ping(pod, plugin.pod(1), TUNNEL_MTU - plugin.headers());
    assertTrue(fits.succeeded(), fits::toString);
    assertTrue(transfers(plugin), cluster::state);
  }

  private static boolean transfers(Plugin plugin) {
    return TestCluster.sends(plugin.namespace(0), plugin.pod(1))
        && TestCluster.sends(plugin.namespace(1), plugin.pod(0));
  }

  private static Commands.Result ping(Namespace from, String address, int payload) {
    return from.attempt(
        "ping",
        "-n",
        "-c",
        "1",
        "-W",
        Crowd.seconds(1),
        "-M",
        "do",
        "-s",
        Integer.toString(payload),
        address);
  }

  /** Nodes' packets are encrypted whatever is in them. */
  @Test
  void podsOfUnknownRangesTravelInVxlanThroughTheTunnel() {
    Plugin plugin = Plugin.UNKNOWN;
    try (Capture wire = cluster.provenCapture(MARKER);
        Capture vxlan = insideTheTunnel(VXLAN)) {
      assertTrue(
          TestCluster.connects(plugin.namespace(0), plugin.pod(1), PORT, MARKER), cluster::state);
      assertTrue(transfers(plugin), cluster::state);
      Commands.Result largest = ping(plugin.namespace(0), plugin.pod(1), POD_MTU - IPV4_AND_ICMP);
      assertTrue(largest.succeeded(), () -> largest + "\nVXLAN's own packet goes in two parts");
      wire.stop();
      vxlan.stop();
      assertEquals(0, wire.seen(MARKER));
      assertTrue(vxlan.seen(MARKER) > 0);
    }
  }

  /** Hosts have it as source on the plugin's routes, and keep it while a gateway starts. */
  @ParameterizedTest
  @EnumSource(names = "UNKNOWN", mode = EnumSource.Mode.EXCLUDE)
  void theVxlanDevicesAddressIsANodesOwn(Plugin plugin) {
    Namespace node = cluster.site(0).node();
    String source = plugin.host(0);
    String remoteNode =
        plugin == Plugin.FLANNEL_IPV6
            ? cluster.site(1).wireAddressV6()
            : cluster.site(1).wireAddress();
    try (Capture wire = cluster.provenCapture(MARKER);
        Capture tunnel = insideTheTunnel("src host " + source)) {
      assertTrue(connectsFrom(node, source, plugin.pod(1)), cluster::state);
      assertTrue(connectsFrom(node, source, remoteNode), cluster::state);
      if (plugin != Plugin.FLANNEL_IPV6) { // Linux takes the first address of a subnet as anycast.
        assertTrue(connectsFrom(node, source, plugin.host(1)), cluster::state);
      }
      wire.stop();
      tunnel.stop();
      assertEquals(0, wire.seen(MARKER));
      assertTrue(tunnel.seen(MARKER) >= 2);
    }
  }

  private static boolean connectsFrom(Namespace node, String source, String to) {
    return node.attempt(
            "python3",
            "-c",
            """
            import socket, sys
            source, to, text = sys.argv[1:]
            k = socket.create_connection((to, 8080), 2, (source, 0))
            k.sendall(text.encode())
            sys.exit(0 if k.recv(100) == text.encode() else 1)
            """,
            source,
            to,
            MARKER)
        .succeeded();
  }

  /** Masquerading would give the packets the tunnel device's address, which no node owns. */
  @Test
  void aNodesPacketsToPodsKeepTheNodesAddress() {
    LabSite site = cluster.site(0);
    String own = "src host " + site.wireAddress() + " or src host " + site.wireAddressV6();
    try (Capture wire = cluster.provenCapture(MARKER);
        Capture tunnel = insideTheTunnel(own)) {
      for (Plugin plugin : KNOWN) {
        long before = tunnel.seen(MARKER);
        assertTrue(
            TestCluster.connects(site.node(), plugin.pod(1), PORT, MARKER),
            () -> plugin + cluster.state());
        assertTrue(
            Waiting.until(Commands.PATIENCE, () -> tunnel.seen(MARKER) > before), plugin::toString);
      }
      wire.stop();
      assertEquals(0, wire.seen(MARKER));
    }
  }

  /** As kube-proxy has it, which masquerades such clients: only a node's own address is taken. */
  @ParameterizedTest
  @EnumSource(names = "UNKNOWN", mode = EnumSource.Mode.EXCLUDE)
  void clientsFromOutsideReachPodsThroughAnotherNodesPort(Plugin plugin) {
    boolean v4 = plugin != Plugin.FLANNEL_IPV6;
    LabSite site = cluster.site(0);
    int port = 30080 + plugin.ordinal();
    String service =
        "%s -w -t nat -A PREROUTING -p tcp --dport %d -j"
            .formatted(v4 ? "iptables" : "ip6tables", port);
    String pod = v4 ? plugin.pod(1) : "[" + plugin.pod(1) + "]";
    site.node().run((service + " MARK --set-mark 0x4000/0x4000").split(" "));
    site.node().run((service + " DNAT --to-destination " + pod + ":" + PORT).split(" "));
    String outside = "not host 192.0.2.254 and not host 2001:db8::fe";
    try (Capture wire = cluster.provenCapture(MARKER, outside)) {
      String address = v4 ? site.wireAddress() : site.wireAddressV6();
      assertTrue(TestCluster.connects(cluster.network.wire, address, port, MARKER), cluster::state);
      wire.stop();
      assertEquals(0, wire.seen(MARKER));
    }
  }

  /** The plugin carries them then, and its packets are those of nodes. */
  @Test
  @Order(Integer.MAX_VALUE) // The gateways have another policy afterwards.
  void podsThatAreLeftInClearTravelInVxlanAsPacketsOfNodes() throws IOException {
    reload("  encrypt: {podToPod: false}\n");
    try (Capture wire = cluster.provenCapture(MARKER);
        Capture vxlan = insideTheTunnel(VXLAN)) {
      for (Plugin plugin : KNOWN) {
        long before = vxlan.seen(MARKER);
        assertTrue(
            TestCluster.connects(plugin.namespace(0), plugin.pod(1), PORT, MARKER),
            () -> plugin + cluster.state());
        assertTrue(transfers(plugin), () -> plugin + cluster.state());
        assertTrue(
            Waiting.until(Commands.PATIENCE, () -> vxlan.seen(MARKER) > before), plugin::toString);
      }
      wire.stop();
      assertEquals(0, wire.seen(MARKER));
    }
    reload("  encrypt: {podToPod: false, nodeToNode: false}\n");
    try (Capture wire = cluster.provenCapture(MARKER, VXLAN)) {
      assertTrue(
          TestCluster.connects(CALICO_PODS.get(0), Plugin.CALICO.pod(1), PORT, MARKER),
          cluster::state);
      wire.prove(MARKER, () -> {});
    }
  }

  private static void reload(String policy) throws IOException {
    for (LabGateway gateway : cluster.gateways) {
      LabFiles.writePrivate(gateway.configuration(), yaml(gateway) + policy);
      cluster.culvert(0, "reload", gateway.site().interfaceName()).orThrow();
    }
  }
}
