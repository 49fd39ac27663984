// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.routing.plan.OuterHeaders;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Packets that the guard lets through and packets that it drops: a node under guard, another node
 * on the same cable that is under none, and two pods of the first.
 */
@Tag("integration")
class GuardTrafficTest {
  private static final int ANY_PORT = 9999;

  private NetworkNamespace node;
  private NetworkNamespace other;
  private NetworkNamespace pod;
  private NetworkNamespace pod2;

  @BeforeEach
  void makeNodes() throws Exception {
    node = NetworkNamespace.create();
    other = NetworkNamespace.create();
    pod = NetworkNamespace.create();
    pod2 = NetworkNamespace.create();
    cable("eth0", other);
    address(node, "eth0", "10.0.0.1/24", "fd00::1/64");
    address(other, "eth0", "10.0.0.2/24", "fd00::2/64");
    // Pods of the other node, and the way to this one's.
    address(other, "lo", "10.244.2.5/32", "fd44:2::5/128");
    other.exec("ip", "route", "add", "10.244.1.0/24", "via", "10.0.0.1");
    other.exec("ip", "route", "add", "fd44:1::/64", "via", "fd00::1");
    podAt(pod, "pod0", "10.244.1.2", "fd44:1::2");
    podAt(pod2, "pod1", "10.244.1.3", "fd44:1::3");
    node.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  }

  private void cable(String device, NetworkNamespace to) throws Exception {
    node.exec(
        "ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", to.path());
    node.exec("ip", "link", "set", device, "up");
    to.exec("ip", "link", "set", "eth0", "up");
  }

  private static void address(NetworkNamespace where, String device, String v4, String v6)
      throws Exception {
    where.exec("ip", "address", "add", v4, "dev", device);
    where.exec("ip", "address", "add", v6, "dev", device, "nodad");
  }

  private void podAt(NetworkNamespace where, String device, String v4, String v6) throws Exception {
    cable(device, where);
    address(node, device, "169.254.1.1/32", "fe80::1/64");
    address(where, "eth0", v4 + "/32", v6 + "/128");
    node.exec("ip", "route", "add", v4 + "/32", "dev", device);
    node.exec("ip", "route", "add", v6 + "/128", "dev", device);
    where.exec("ip", "route", "add", "169.254.1.1/32", "dev", "eth0");
    where.exec("ip", "route", "add", "default", "via", "169.254.1.1");
    where.exec("ip", "route", "add", "default", "via", "fe80::1", "dev", "eth0");
  }

  @AfterEach
  void leave() {
    for (NetworkNamespace namespace : List.of(node, other, pod, pod2)) {
      namespace.close();
    }
  }

  /** On a worker, whose one peer is the control plane's. */
  private void guardWorker() throws Exception {
    guard(List.of(Plans.REMOTE, Plans.REMOTE6), List.of());
  }

  private void guard(List<IpAddress> remoteServers, List<IpAddress> localServers) throws Exception {
    String script = GuardText.of(Plans.guard(remoteServers, localServers));
    assertTrue(node.call(() -> new GuardTable().apply(script)));
  }

  private long counted(String counter) throws Exception {
    return node.call(() -> GuardTable.counters().getOrDefault(counter, new Count(0, 0)).packets());
  }

  private void awaitCounted(String counter) throws Exception {
    long end = System.nanoTime() + 10_000_000_000L;
    while (counted(counter) == 0) {
      assertTrue(System.nanoTime() - end < 0, "nothing counted as " + counter + ": " + counters());
      Thread.sleep(10);
    }
  }

  private String counters() throws Exception {
    return node.call(() -> GuardTable.counters().toString());
  }

  private static InetSocketAddress at(String address, int port) {
    return new InetSocketAddress(IpAddress.parse(address).toInetAddress(), port);
  }

  /** Sends one datagram; false if the sender's own kernel refuses it. */
  private static boolean send(
      NetworkNamespace from, InetSocketAddress source, InetSocketAddress destination)
      throws Exception {
    try (DatagramSocket socket = from.call(() -> new DatagramSocket(source))) {
      socket.send(new DatagramPacket(new byte[] {42}, 1, destination));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static DatagramSocket receiver(NetworkNamespace in, InetSocketAddress at)
      throws Exception {
    return in.call(() -> new DatagramSocket(at));
  }

  private static void assertReceived(DatagramSocket socket) throws Exception {
    socket.setSoTimeout(10_000);
    socket.receive(new DatagramPacket(new byte[9], 9));
  }

  private static void assertNothingReceived(DatagramSocket socket) throws Exception {
    socket.setSoTimeout(100);
    assertThrows(
        SocketTimeoutException.class, () -> socket.receive(new DatagramPacket(new byte[9], 9)));
  }

  private static String node(boolean v4) {
    return v4 ? "10.0.0.1" : "fd00::1";
  }

  private static String other(boolean v4) {
    return v4 ? "10.0.0.2" : "fd00::2";
  }

  private static String pod(boolean v4) {
    return v4 ? "10.244.1.2" : "fd44:1::2";
  }

  private static String otherPod(boolean v4) {
    return v4 ? "10.244.2.5" : "fd44:2::5";
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatANodeSendsInClearIsDroppedAndCounted(boolean v4) throws Exception {
    try (DatagramSocket receiver = receiver(other, at(other(v4), ANY_PORT))) {
      assertTrue(send(node, at(node(v4), 5000), at(other(v4), ANY_PORT)));
      assertReceived(receiver);
      guardWorker();
      send(node, at(node(v4), 5000), at(other(v4), ANY_PORT));
      awaitCounted("node_to_node_out");
      assertNothingReceived(receiver);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatArrivesInClearIsDroppedAndCounted(boolean v4) throws Exception {
    try (DatagramSocket receiver = receiver(node, at(node(v4), ANY_PORT));
        DatagramSocket podReceiver = receiver(pod, at(pod(v4), ANY_PORT))) {
      for (String source : List.of(other(v4), otherPod(v4))) {
        assertTrue(send(other, at(source, 5000), at(node(v4), ANY_PORT)));
        assertReceived(receiver);
        assertTrue(send(other, at(source, 5000), at(pod(v4), ANY_PORT)));
        assertReceived(podReceiver);
      }
      guardWorker();
      for (String source : List.of(other(v4), otherPod(v4))) {
        send(other, at(source, 5000), at(node(v4), ANY_PORT));
        send(other, at(source, 5000), at(pod(v4), ANY_PORT));
      }
      for (String counter :
          List.of("node_to_node_in", "node_to_pod_in", "pod_to_node_in", "pod_to_pod_in")) {
        awaitCounted(counter);
      }
      assertNothingReceived(receiver);
      assertNothingReceived(podReceiver);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatAPodSendsInClearIsDroppedAlsoToAnExemptPort(boolean v4) throws Exception {
    try (DatagramSocket receiver = receiver(other, at(other(v4), ANY_PORT));
        ServerSocket server = server(other, at(other(v4), 6443))) {
      assertTrue(send(pod, at(pod(v4), 5000), at(other(v4), ANY_PORT)));
      assertReceived(receiver);
      assertTrue(connects(pod, at(pod(v4), 0), at(other(v4), 6443)));
      guardWorker();
      send(pod, at(pod(v4), 5000), at(other(v4), ANY_PORT));
      awaitCounted("pod_to_node_out");
      assertNothingReceived(receiver);
      long before = counted("pod_to_node_out");
      refuses(pod, at(pod(v4), 0), at(other(v4), server.getLocalPort()));
      assertTrue(counted("pod_to_node_out") > before);
      assertEquals(0, counted("exempt_apiserver_request_out"));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void encapsulationPassesByItsMarkAndArrivesByItsPort(boolean v4) throws Exception {
    guardWorker();
    try (DatagramSocket local = receiver(node, at(node(v4), 51820))) {
      assertTrue(send(other, at(other(v4), 5000), at(node(v4), 51820)));
      assertReceived(local);
      assertEquals(1, counted("encapsulation_in"));
    }
    try (DatagramSocket receiver = receiver(other, at(other(v4), 51820))) {
      assertEquals(Errno.EPERM, sendMarked(v4, 0x100, 51821));
      assertEquals(Errno.EPERM, sendMarked(v4, 0, 51820));
      assertEquals(2, counted("node_to_node_out"));
      assertNothingReceived(receiver);
      assertEquals(0, counted("encapsulation_out"));
      assertEquals(0, sendMarked(v4, 0x100, 51820));
      assertReceived(receiver);
      assertEquals(1, counted("encapsulation_out"));
    }
  }

  /** From that port of the node's to the other's 51820: 0, or the kernel's error number. */
  private int sendMarked(boolean v4, int mark, int port) throws Exception {
    // Java has no way to mark a socket.
    String script =
        """
        import socket, sys
        family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(sys.argv[4]))
        s.bind((sys.argv[1], int(sys.argv[3])))
        try:
          s.sendto(b'x', (sys.argv[2], 51820))
          print(0)
        except OSError as e:
          print(e.errno)
        """;
    String printed = node.exec("python3", "-c", script, node(v4), other(v4), "" + port, "" + mark);
    return Integer.parseInt(printed.strip());
  }

  private void guard(OuterHeaders outer) throws Exception {
    String script = GuardText.of(Plans.guard(List.of(), List.of(), outer));
    node.call(() -> new GuardTable().apply(script));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void rawEspLeavesByTheMarkAndFromHereOnly(boolean v4) throws Exception {
    count(other, "esp");
    guard(new OuterHeaders(Plans.MARK, 51820, false));
    assertEquals(Errno.EPERM, sendEsp(node, other(v4), 0x100), "this gateway speaks UDP");
    assertEquals(0, countedAt(other));
    guard(new OuterHeaders(Plans.MARK, 51820, true));
    assertEquals(0, sendEsp(node, other(v4), 0x100));
    assertEquals(1, counted("encapsulation_out"));
    assertEquals(1, countedAt(other));
    long before = counted("node_to_node_out");
    assertEquals(Errno.EPERM, sendEsp(node, other(v4), 0));
    assertEquals(before + 1, counted("node_to_node_out"));
    // Whoever gives a pod's packet the mark does not make it the gateway's.
    node.exec(
        "nft",
        "add table inet marks; add chain inet marks p { type filter hook prerouting priority 0; };"
            + " add rule inet marks p iifname pod0 meta mark set 0x100");
    assertEquals(0, sendEsp(pod, other(v4), 0));
    awaitCounted("pod_to_node_out");
    assertEquals(1, counted("encapsulation_out"));
    assertEquals(1, countedAt(other));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void rawEspArrivesHereAndAtNoPod(boolean v4) throws Exception {
    count(pod, "esp");
    assertEquals(0, sendEsp(other, pod(v4), 0));
    awaitCountedAt(pod);
    guard(new OuterHeaders(Plans.MARK, 51820, false));
    assertEquals(0, sendEsp(other, node(v4), 0));
    awaitCounted("node_to_node_in");
    assertEquals(0, counted("encapsulation_in"));
    guard(new OuterHeaders(Plans.MARK, 51820, true));
    assertEquals(0, sendEsp(other, node(v4), 0));
    awaitCounted("encapsulation_in");
    assertEquals(0, sendEsp(other, pod(v4), 0));
    awaitCounted("node_to_pod_in");
    assertEquals(1, countedAt(pod));
  }

  /** Counts packets of a protocol that reach a namespace. */
  private static void count(NetworkNamespace where, String protocol) throws Exception {
    where.exec(
        "nft",
        "add table inet seen; add chain inet seen in { type filter hook prerouting priority -300;"
            + " }; add rule inet seen in meta l4proto "
            + protocol
            + " counter");
  }

  private static long countedAt(NetworkNamespace where) throws Exception {
    String chain = where.exec("nft", "list", "chain", "inet", "seen", "in");
    return Long.parseLong(chain.replaceAll("(?s).*packets (\\d+).*", "$1"));
  }

  private static void awaitCountedAt(NetworkNamespace where) throws Exception {
    long end = System.nanoTime() + 10_000_000_000L;
    while (countedAt(where) == 0) {
      assertTrue(System.nanoTime() - end < 0, "nothing arrived");
      Thread.sleep(10);
    }
  }

  /** One packet of protocol 50: 0, or the kernel's error number. */
  private static int sendEsp(NetworkNamespace from, String to, int mark) throws Exception {
    String script =
        """
        import socket, sys
        family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
        s = socket.socket(family, socket.SOCK_RAW, 50)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(sys.argv[2]))
        try:
          s.sendto(bytes(64), (sys.argv[1], 0))
          print(0)
        except OSError as e:
          print(e.errno)
        """;
    return Integer.parseInt(from.exec("python3", "-c", script, to, "" + mark).strip());
  }

  private static ServerSocket server(NetworkNamespace in, InetSocketAddress at) throws Exception {
    return in.call(
        () -> {
          ServerSocket server = new ServerSocket();
          server.setReuseAddress(true);
          server.bind(at);
          return server;
        });
  }

  private static boolean connects(
      NetworkNamespace from, InetSocketAddress source, InetSocketAddress to) throws Exception {
    return connects(from, source, to, 10_000);
  }

  private static void refuses(NetworkNamespace from, InetSocketAddress source, InetSocketAddress to)
      throws Exception {
    // The guard drops: nothing but time tells the sender, and the counters tell the test.
    assertEquals(false, connects(from, source, to, 300));
  }

  private static boolean connects(
      NetworkNamespace from, InetSocketAddress source, InetSocketAddress to, int millis)
      throws Exception {
    return from.call(
        () -> {
          try (Socket socket = new Socket()) {
            socket.setReuseAddress(true);
            socket.setSoLinger(true, 0);
            socket.bind(source);
            socket.connect(to, millis);
            return true;
          } catch (IOException e) {
            return false;
          }
        });
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aWorkerReachesTheExemptPortAndNoOther(boolean v4) throws Exception {
    guardWorker();
    try (ServerSocket exempt = server(other, at(other(v4), 6443));
        ServerSocket plain = server(other, at(other(v4), ANY_PORT))) {
      assertTrue(connects(node, at(node(v4), 0), at(other(v4), exempt.getLocalPort())));
      assertTrue(counted("exempt_apiserver_request_out") > 0, counters());
      assertTrue(counted("exempt_apiserver_reply_in") > 0, counters());
      assertEquals(0, counted("node_to_node_out"));
      refuses(node, at(node(v4), 0), at(other(v4), plain.getLocalPort()));
      assertTrue(counted("node_to_node_out") > 0, counters());
      long before = counted("node_to_node_out");
      send(node, at(node(v4), 5000), at(other(v4), 6443));
      assertEquals(before + 1, counted("node_to_node_out"));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aControlPlaneNodeIsReachedAtTheExemptPortAndNoOther(boolean v4) throws Exception {
    guard(List.of(), List.of(Plans.LOCAL, Plans.LOCAL6));
    try (ServerSocket exempt = server(node, at(node(v4), 6443));
        ServerSocket plain = server(node, at(node(v4), ANY_PORT))) {
      assertTrue(connects(other, at(other(v4), 0), at(node(v4), exempt.getLocalPort())));
      assertTrue(counted("exempt_apiserver_request_in") > 0, counters());
      assertTrue(counted("exempt_apiserver_reply_out") > 0, counters());
      refuses(other, at(other(v4), 0), at(node(v4), plain.getLocalPort()));
      assertTrue(counted("node_to_node_in") > 0, counters());
      refuses(other, at(otherPod(v4), 0), at(node(v4), exempt.getLocalPort()));
      assertTrue(counted("pod_to_node_in") > 0, counters());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anExemptSourcePortOpensNothing(boolean v4) throws Exception {
    try (ServerSocket plain = server(node, at(node(v4), ANY_PORT));
        ServerSocket otherPlain = server(other, at(other(v4), ANY_PORT))) {
      assertTrue(connects(other, at(other(v4), 6443), at(node(v4), plain.getLocalPort())));
      guardWorker();
      refuses(other, at(other(v4), 6443), at(node(v4), plain.getLocalPort()));
      assertTrue(counted("node_to_node_in") > 0, counters());
      refuses(node, at(node(v4), 6443), at(other(v4), otherPlain.getLocalPort()));
      assertTrue(counted("node_to_node_out") > 0, counters());
    }
  }

  @Test
  void neighboursAreFoundUnderTheGuard() throws Exception {
    guardWorker();
    node.exec("ip", "-6", "neigh", "flush", "dev", "eth0");
    other.exec("ip", "-6", "neigh", "flush", "dev", "eth0");
    try (ServerSocket server = server(other, at("fd00::2", 6443))) {
      assertTrue(connects(node, at("fd00::1", 0), at("fd00::2", server.getLocalPort())));
    }
    other.exec("ip", "-6", "neigh", "flush", "dev", "eth0");
    send(other, at("fd00::2", 5000), at("fd00::1", ANY_PORT));
    awaitCounted("neighbour_discovery_out");
    awaitCounted("neighbour_discovery_in");
    // An echo request is no neighbour discovery.
    assertThrows(IOException.class, () -> node.exec("ping", "-c1", "-W1", "fd00::2"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void podsOfOneNodeAndTheirNodeTalkAsEver(boolean v4) throws Exception {
    guardWorker();
    String second = v4 ? "10.244.1.3" : "fd44:1::3";
    pod.exec("ping", "-c1", "-W5", second);
    try (ServerSocket probed = server(pod, at(pod(v4), 8080));
        ServerSocket peer = server(pod2, at(second, 8080))) {
      assertTrue(connects(node, at(v4 ? "0.0.0.0" : "::", 0), at(pod(v4), probed.getLocalPort())));
      assertTrue(connects(pod, at(pod(v4), 0), at(second, peer.getLocalPort())));
    }
    for (Count count : node.call(GuardTable::counters).values()) {
      assertTrue(count.packets() == 0 || counted("neighbour_discovery_out") > 0, counters());
    }
    assertEquals(0, counted("unknown_out") + counted("unknown_in"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"KILL", "STOP"})
  void theGuardOutlivesWhoMadeIt(String signal) throws Exception {
    node.exec("ip", "tuntap", "add", "tun0", "mode", "tun");
    Process daemon =
        node.start(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            "--enable-native-access=ALL-UNNAMED",
            KeeperProcess.class.getName());
    try {
      BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(daemon.getInputStream(), StandardCharsets.UTF_8));
      String line = lines.readLine();
      while (line != null && !line.equals(KeeperProcess.READY)) {
        line = lines.readLine();
      }
      assertEquals(KeeperProcess.READY, line);
      String rules = node.exec("ip", "rule");
      String guard = node.call(() -> GuardTable.text().orElse("none"));
      assertTrue(rules.contains("proto 199") && guard.contains("egress"), rules + guard);
      node.exec("kill", "-" + signal, "" + daemon.pid());
      if (signal.equals("KILL")) {
        assertEquals(128 + 9, daemon.waitFor());
      }
      node.exec("ip", "link", "delete", "tun0");
      assertEquals(guard, node.call(() -> GuardTable.text().orElse("none")));
      assertEquals(rules, node.exec("ip", "rule"));
      try (DatagramSocket receiver = receiver(other, at("10.0.0.2", ANY_PORT))) {
        // By the rules there is no way; if there is one, the guard still stands.
        assertEquals(false, send(node, at("10.0.0.1", 5000), at("10.0.0.2", ANY_PORT)));
        node.exec("ip", "rule", "delete", "priority", "220");
        send(node, at("10.0.0.1", 5000), at("10.0.0.2", ANY_PORT));
        awaitCounted("node_to_node_out");
        assertNothingReceived(receiver);
      }
    } finally {
      daemon.destroyForcibly();
    }
  }
}
