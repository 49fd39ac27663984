// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Ways in clear that do not go by the underlay's routes: each is seen to lead there before there is
 * a guard, and by none does anything get through it.
 */
@Tag("integration")
class GuardPathsTest {
  private static final String SENDER =
      """
      import socket, struct, sys
      way, to, mark = sys.argv[1:4]
      data = ('<' + mark + '>').encode()
      six = ':' in to
      def udp():
        return socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
      def ip():
        v = struct.pack('!HHHH', 5000, 9999, 8 + len(data), 0) + data
        if six:
          return (struct.pack('!IHBB', 6 << 28, len(v), 17, 64)
              + socket.inet_pton(socket.AF_INET6, 'fd00::77')
              + socket.inet_pton(socket.AF_INET6, to) + v)
        h = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(v), 0, 0, 64, 17, 0,
            socket.inet_aton('10.0.0.77'), socket.inet_aton(to))
        total = sum(struct.unpack('!10H', h))
        total = (total & 0xffff) + (total >> 16)
        return h[:10] + struct.pack('!H', 0xffff - total) + h[12:] + v
      def frame(device, tag):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((device, 0))
        s.send(bytes.fromhex('020000000002020000000001') + tag
            + (b'\\x86\\xdd' if six else b'\\x08\\x00') + ip())
      try:
        kind, _, argument = way.partition('=')
        if kind == 'frame':
          frame(argument, b'')
        elif kind == 'tagged':
          frame(argument, b'\\x81\\x00\\x00\\x05')
        elif kind == 'empty':
          device, _, tags = argument.partition('@')
          frame(device, bytes.fromhex(tags))
        else:
          s = udp()
          if kind == 'bound':
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, argument.encode())
          elif kind == 'marked':
            value, _, port = argument.partition('@')
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(value, 16))
            if port:
              s.bind(('', int(port)))
          elif kind == 'large':
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(argument, 16))
            s.setsockopt(*((socket.IPPROTO_IPV6, 23, 0) if six else (socket.IPPROTO_IP, 10, 0)))
            s.bind(('', 51820))
            data = 3000 * b'.' + data
          elif kind == 'source':
            address, _, device = argument.partition('@')
            s.bind((address, 0))
            if device:
              s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
          if kind == 'pktinfo':
            index = socket.if_nametoindex(argument)
            info = ((socket.IPPROTO_IPV6, 50, bytes(16) + struct.pack('i', index)) if six
                else (socket.IPPROTO_IP, 8, struct.pack('i4s4s', index, bytes(4), bytes(4))))
            s.sendmsg([data], [info], 0, (to, 9999))
          else:
            s.sendto(data, (to, 9999))
      except OSError as e:
        print(e)
      """;

  /** Prints the marks that it sees in any frame. */
  private static final String WIRE =
      """
      import re, socket
      s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
      print('ready', flush=True)
      while True:
        for mark in re.findall(rb'<((?:control|guarded|after) [ -~]+?)>', s.recv(65536)):
          print(mark.decode(), flush=True)
      """;

  /** Prints the marks that a program on the host gets. */
  private static final String PROGRAM =
      """
      import socket
      s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
      s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
      s.bind(('::', 9999))
      print('ready', flush=True)
      while True:
        print(s.recv(999).decode()[1:-1], flush=True)
      """;

  private static final List<NetworkNamespace> NAMESPACES = new ArrayList<>();
  private static final List<Process> PROCESSES = new ArrayList<>();
  private static final Set<String> ON_WIRE = ConcurrentHashMap.newKeySet();
  private static final Set<String> ON_NODE = ConcurrentHashMap.newKeySet();

  private static NetworkNamespace node;
  private static NetworkNamespace other;
  private static NetworkNamespace pod;
  private static boolean guarded;

  @BeforeAll
  static void connect() throws Exception {
    guarded = false;
    node = create();
    other = create();
    pod = create();
    for (String device : List.of("eth0", "eth1", "tun0")) {
      node.exec(
          "ip",
          "link",
          "add",
          device,
          "address",
          "02:00:00:00:00:01",
          "type",
          "veth",
          "peer",
          "name",
          device,
          "address",
          "02:00:00:00:00:02",
          "netns",
          other.path());
      node.exec("ip", "link", "set", device, "up");
      other.exec("ip", "link", "set", device, "up");
    }
    addresses(node, "eth0", "10.0.0.1/24", "fd00::1/64");
    addresses(node, "lo", "10.0.0.77/32", "fd00::77/128");
    addresses(other, "eth0", "10.0.0.2/24", "fd00::2/64");
    addresses(other, "lo", "10.244.2.5/32", "fd44:2::5/128");
    addresses(other, "lo", "192.0.2.66/32", "2001:db8::66/128");
    for (String device : List.of("eth0", "eth1")) {
      for (String to : List.of("10.0.0.2", "fd00::2", "192.0.2.66", "2001:db8::66")) {
        neighbour(node, to, "02", device);
        node.exec(
            "ip",
            "route",
            "add",
            to,
            "dev",
            device,
            "metric",
            device.equals("eth0") ? "1000" : "2000");
      }
      for (String to : List.of("10.0.0.1", "fd00::1")) {
        neighbour(other, to, "01", device);
        other.exec(
            "ip",
            "route",
            "add",
            to,
            "dev",
            device,
            "metric",
            device.equals("eth0") ? "1000" : "2000");
      }
    }
    overlays();
    node.exec(
        "ip",
        "link",
        "add",
        "link",
        "eth0",
        "name",
        "mv0",
        "netns",
        pod.path(),
        "type",
        "macvlan",
        "mode",
        "bridge");
    pod.exec("ip", "link", "set", "mv0", "up");
    addresses(pod, "mv0", "10.0.0.50/24", "fd00::50/64");
    for (String to : List.of("10.0.0.2", "fd00::2")) {
      neighbour(pod, to, "02", "mv0");
    }
    watch(other, WIRE, ON_WIRE);
    watch(node, PROGRAM, ON_NODE);
  }

  private static NetworkNamespace create() throws Exception {
    NetworkNamespace namespace = NetworkNamespace.create();
    NAMESPACES.add(namespace);
    return namespace;
  }

  private static void addresses(NetworkNamespace at, String device, String v4, String v6)
      throws Exception {
    at.exec("ip", "address", "add", v4, "dev", device);
    at.exec("ip", "address", "add", v6, "dev", device, "nodad");
  }

  private static void neighbour(NetworkNamespace at, String to, String end, String device)
      throws Exception {
    at.exec(
        "ip",
        "neigh",
        "add",
        to,
        "lladdr",
        "02:00:00:00:00:" + end,
        "dev",
        device,
        "nud",
        "permanent");
  }

  /** One to a group, one that a stranger feeds, and one that is fed through the tunnel. */
  private static void overlays() throws Exception {
    node.exec(
        "ip",
        "link",
        "add",
        "many",
        "type",
        "vxlan",
        "id",
        "7",
        "group",
        "239.1.1.1",
        "dev",
        "eth0",
        "dstport",
        "4789");
    node.exec("ip", "link", "set", "many", "up");
    other.exec("ip", "route", "add", "10.0.0.99", "dev", "tun0");
    neighbour(other, "10.0.0.99", "01", "tun0");
    node.exec("ip", "address", "add", "10.0.0.99/32", "dev", "tun0");
    overlay("stranger", 8, "192.0.2.66", "10.0.0.1", "10.77.0.1");
    overlay("tunnelled", 9, "10.0.0.2", "10.0.0.99", "10.77.0.2");
  }

  private static void overlay(String name, int id, String from, String to, String inside)
      throws Exception {
    node.exec(
        "ip",
        "link",
        "add",
        name,
        "address",
        "02:00:00:00:00:01",
        "type",
        "vxlan",
        "id",
        "" + id,
        "remote",
        from,
        "dstport",
        "4790",
        "nolearning");
    node.exec("ip", "link", "set", name, "up");
    node.exec("ip", "address", "add", inside + "/32", "dev", name);
    other.exec(
        "ip",
        "link",
        "add",
        name,
        "type",
        "vxlan",
        "id",
        "" + id,
        "local",
        from,
        "remote",
        to,
        "dstport",
        "4790",
        "nolearning");
    other.exec("ip", "link", "set", name, "up");
    other.exec("ip", "route", "add", inside, "dev", name);
    neighbour(other, inside, "01", name);
  }

  private static void watch(NetworkNamespace at, String script, Set<String> seen) throws Exception {
    Process process = at.start("python3", "-c", script);
    PROCESSES.add(process);
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String first = lines.readLine();
    assertTrue("ready".equals(first), first);
    Thread.ofPlatform().daemon().start(() -> lines.lines().forEach(seen::add));
  }

  @AfterAll
  static void leave() {
    PROCESSES.forEach(Process::destroyForcibly);
    NAMESPACES.forEach(NetworkNamespace::close);
    PROCESSES.clear();
    NAMESPACES.clear();
  }

  private static void guard(boolean wanted) throws Exception {
    if (wanted == guarded) {
      return;
    }
    Guard guard = Plans.guard(List.of(), List.of());
    node.call(
        () -> {
          GuardTable.remove();
          if (wanted) {
            new GuardTable().apply(GuardText.of(guard));
            assertTrue(new LinkGuard(LinkGuard::fault).apply(guard, Set.of("eth0", "eth1")));
          }
          return null;
        });
    guarded = wanted;
  }

  private static void send(NetworkNamespace from, String way, String to, String mark)
      throws Exception {
    from.exec("python3", "-c", SENDER, way, to, mark);
  }

  private static long counted(String counter) throws Exception {
    return node.call(() -> GuardTable.counters().getOrDefault(counter, new Count(0, 0)).packets());
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void await(String event, Condition condition) throws Exception {
    long end = System.nanoTime() + 10_000_000_000L;
    while (!condition.holds()) {
      assertTrue(System.nanoTime() - end < 0, event);
      Thread.sleep(10);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "bound=eth1, 10.0.0.2, node_to_node_out",
    "bound=eth1, fd00::2, node_to_node_out",
    "pktinfo=eth1, 10.0.0.2, node_to_node_out",
    "pktinfo=eth1, fd00::2, node_to_node_out",
    "source=10.0.0.77, 10.0.0.2, node_to_node_out",
    "source=fd00::77, fd00::2, node_to_node_out",
    "frame=eth0, 10.0.0.2, link_out",
    "frame=eth0, fd00::2, link_out",
    "tagged=eth0, 10.0.0.2, link_out",
    "tagged=eth0, fd00::2, link_out",
    "frame=many, 10.244.2.9, overlay_out",
  })
  void nothingLeavesThisNode(String way, String to, String counter) throws Exception {
    leaves(node, way, to, counter);
  }

  @ParameterizedTest
  @CsvSource({
    "plain, 10.0.0.2",
    "plain, fd00::2",
    "marked=0x200, 10.0.0.2",
    "marked=0x200, fd00::2",
    "marked=0x100@51820, 10.0.0.2",
    "marked=0x100@51820, fd00::2",
    "empty=mv0@8100000081000000, 10.0.0.2",
    "empty=mv0@8100000081000005, fd00::2",
    "empty=mv0@8100000581000000, 10.0.0.2",
    "empty=mv0@88a80000, 10.0.0.2",
  })
  void nothingLeavesAPodOnAMacvlan(String way, String to) throws Exception {
    leaves(pod, way, to, "link_out");
  }

  @ParameterizedTest
  @CsvSource({"10.0.0.2", "fd00::2"})
  void theTunnelsPacketsLeaveInPartsToo(String to) throws Exception {
    guard(true);
    send(node, "large=0x100", to, "guarded in parts " + to);
    await("the last part is kept", () -> ON_WIRE.contains("guarded in parts " + to));
  }

  private static void leaves(NetworkNamespace from, String way, String to, String counter)
      throws Exception {
    String name = way + to;
    guard(false);
    send(from, way, to, "control " + name);
    await("not seen without a guard", () -> ON_WIRE.contains("control " + name));
    guard(true);
    long before = counted(counter);
    send(from, way, to, "guarded " + name);
    await("not counted as " + counter, () -> counted(counter) > before);
    for (String device : List.of("eth0", "eth1")) {
      send(node, "bound=" + device, "192.0.2.66", "after " + device + name);
      await("the wire is deaf", () -> ON_WIRE.contains("after " + device + name));
    }
    assertFalse(ON_WIRE.contains("guarded " + name));
  }

  @ParameterizedTest
  @CsvSource({
    "source=10.244.2.5@eth1, 10.0.0.1, pod_to_node_in",
    "source=fd44:2::5@eth1, fd00::1, pod_to_node_in",
    "source=10.0.0.2@eth1, 10.0.0.1, node_to_node_in",
    "source=10.244.2.5, 10.77.0.1, unknown_in",
  })
  void nothingOfTheOthersEnters(String way, String to, String counter) throws Exception {
    String name = way + to;
    guard(false);
    send(other, way, to, "control " + name);
    await("not received without a guard", () -> ON_NODE.contains("control " + name));
    guard(true);
    long before = counted(counter);
    send(other, way, to, "guarded " + name);
    await("not counted as " + counter, () -> counted(counter) > before);
    send(other, "source=192.0.2.66", "10.0.0.1", "after " + name);
    await("the node is deaf", () -> ON_NODE.contains("after " + name));
    assertFalse(ON_NODE.contains("guarded " + name));
  }

  /** By the mark alone: the inner packet is like that of a stranger, which does not enter. */
  @ParameterizedTest
  @CsvSource({"10.77.0.2"})
  void whatAnOverlayBroughtThroughTheTunnelEnters(String to) throws Exception {
    guard(true);
    send(other, "source=10.244.2.5", to, "through the tunnel");
    await("not received", () -> ON_NODE.contains("through the tunnel"));
    assertTrue(counted("overlay_in") > 0);
  }
}
