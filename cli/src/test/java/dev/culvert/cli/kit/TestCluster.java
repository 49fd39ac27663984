// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Two or three nodes with a pod each, the first of them the control plane. Routes of somebody else
 * lead to all pods in clear, and strict reverse-path filtering is on: traffic is encrypted in spite
 * of both.
 */
public final class TestCluster implements AutoCloseable {
  static final String CANARY = "always-in-clear0";
  private static final int CANARY_PORT = 9;
  private static final String SINK_PORT = "8081";
  private static final AtomicLong COUNT = new AtomicLong();

  public final LabNetwork network;
  public final List<LabGateway> gateways = new ArrayList<>();
  private final Path folder;

  /** A cluster of three. */
  public TestCluster(LabEngine engine) throws IOException {
    this(engine, 3);
  }

  public TestCluster(LabEngine engine, int nodes) throws IOException {
    long id = 20_000_000 + ProcessHandle.current().pid() % 100_000 * 100 + COUNT.getAndIncrement();
    folder = Files.createTempDirectory("culvert-cluster-test");
    network = LabNetwork.create(id, nodes);
    try {
      network.wire.address(LabNetwork.BRIDGE, "192.0.2.254/24");
      network.wire.address(LabNetwork.BRIDGE, "2001:db8::fe/64");
      for (LabSite site : network.sites()) {
        gateways.add(new LabGateway(site, folder, Culvert.command(), engine));
        for (String device : List.of("all", "default", LabSite.WIRE_DEVICE, "pod0")) {
          site.node().run("sysctl", "-qw", "net.ipv4.conf." + device + ".rp_filter=1");
        }
        site.node().route("default", "via", "192.0.2.254");
        site.node().route("default", "via", "2001:db8::fe");
        for (LabSite other : network.sites()) {
          if (!other.equals(site)) {
            site.routeInClear(other);
          }
        }
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Starts all gateways side by side: each start mostly waits. */
  public void start() {
    SideBySide.run(gateways.stream().map(this::starting).toArray(Runnable[]::new));
  }

  private Runnable starting(LabGateway gateway) {
    return () -> gateway.startInCluster(gateways);
  }

  public LabSite site(int i) {
    return network.sites().get(i);
  }

  /** Sends a text as one UDP datagram, whether or not the network takes it. */
  public static void send(Namespace from, String address, int port, int sourcePort, String text) {
    from.attempt(
        "python3",
        "-c",
        "import socket,sys;a,p,s,t=sys.argv[1:];"
            + "k=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET,socket.SOCK_DGRAM);"
            + "k.bind(('',int(s)));k.sendto(t.encode(),(a,int(p)))",
        address,
        Integer.toString(port),
        Integer.toString(sourcePort),
        text);
  }

  /**
   * Whether a TCP connection carries a text there and the answer back, within two seconds, or more
   * in a {@link Crowd}.
   */
  public static boolean connects(Namespace from, String address, int port, String text) {
    return connects(from, 0, address, port, text);
  }

  /** The same from a port; the connection ends so that the port is free again at once. */
  public static boolean connects(
      Namespace from, int sourcePort, String address, int port, String text) {
    return from.attempt(
            "python3",
            "-c",
            """
            import socket, struct, sys
            s, a, p, t, w = sys.argv[1:]
            k = socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET)
            k.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            k.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            k.settimeout(int(w))
            k.bind(('', int(s)))
            k.connect((a, int(p)))
            k.sendall(t.encode())
            sys.exit(0 if k.recv(100) == t.encode() else 1)
            """,
            Integer.toString(sourcePort),
            address,
            Integer.toString(port),
            text,
            Crowd.seconds(2))
        .succeeded();
  }

  /** A TCP server that echoes its input. */
  public static Daemon echo(Namespace at, int port) {
    return listening(
        at,
        """
        import socketserver, socket, sys
        class Echo(socketserver.BaseRequestHandler):
          def handle(self):
            self.request.sendall(self.request.recv(100))
        class Server(socketserver.ThreadingTCPServer):
          address_family = socket.AF_INET6
          allow_reuse_address = True
        server = Server(('::', int(sys.argv[1])), Echo)
        print('listening')
        server.serve_forever()
        """,
        Integer.toString(port));
  }

  /** A TCP server that answers with the number of bytes that it was sent. */
  public static Daemon sink(Namespace at) {
    return listening(
        at,
        """
        import socket, sys
        server = socket.create_server(
          ('::', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
        print('listening')
        while True:
          k, _ = server.accept()
          total = 0
          while data := k.recv(65536):
            total += len(data)
          k.sendall(str(total).encode())
          k.close()
        """,
        SINK_PORT);
  }

  /** A server in Python that is given its port, and says when it listens. */
  private static Daemon listening(Namespace at, String script, String port) {
    Daemon server = at.start(Map.of(), List.of("python3", "-uc", script, port));
    server.awaitOutput("listening");
    return server;
  }

  /** Whether 300,000 bytes arrive at the {@link #sink} of an address. */
  public static boolean sends(Namespace from, String address) {
    return from.attempt(
            "python3",
            "-c",
            """
            import socket, sys
            k = socket.create_connection((sys.argv[1], int(sys.argv[2])), int(sys.argv[3]))
            k.sendall(bytes(300000))
            k.shutdown(socket.SHUT_WR)
            sys.exit(0 if k.recv(100) == b'300000' else 1)
            """,
            address,
            SINK_PORT,
            Crowd.seconds(5))
        .succeeded();
  }

  public static boolean pings(Namespace from, String address) {
    return from.attempt("ping", "-n", "-c", "1", "-W", Crowd.seconds(1), address).succeeded();
  }

  /** Waits until every pod reaches every other, in both families. */
  public boolean podsReachEachOther() {
    return Waiting.until(Commands.PATIENCE, this::allPing);
  }

  private boolean allPing() {
    for (LabSite from : network.sites()) {
      for (LabSite to : network.sites()) {
        if (!from.equals(to)
            && !(pings(from.pod(), to.podAddress()) && pings(from.pod(), to.podAddressV6()))) {
          return false;
        }
      }
    }
    return true;
  }

  /** A capture of the wire that was seen to see. */
  public Capture provenCapture(String marker) {
    return provenCapture(marker, "");
  }

  /**
   * The same of the packets that a filter lets through.
   *
   * @param filter in the words of pcap-filter(7)
   */
  public Capture provenCapture(String marker, String filter) {
    String withCanary = filter.isEmpty() ? "" : "(" + filter + ") or udp port " + CANARY_PORT;
    Capture capture =
        Capture.start(network.wire, LabNetwork.BRIDGE, withCanary, List.of(marker, CANARY));
    capture.prove(CANARY, () -> send(site(0).node(), "192.0.2.254", CANARY_PORT, 0, CANARY));
    return capture;
  }

  /** Deletes all rules of a node, except that which leads to the main table. */
  public static void flushRules(Namespace node) {
    for (String family : List.of("-4", "-6")) {
      node.ip(family, "rule", "flush");
      node.ip(family, "rule", "add", "priority", "32766", "lookup", "main");
    }
  }

  /** Takes guard and rules away from a node without a gateway, so that nothing repairs them. */
  public static void surrender(LabSite site) {
    site.node().run("nft", "flush", "ruleset");
    flushRules(site.node());
  }

  /** For the message of a test that failed. */
  public String state() {
    StringBuilder state = new StringBuilder();
    for (LabGateway gateway : gateways) {
      Namespace node = gateway.site().node();
      state.append(gateway.daemon().output()).append(gateway.status()).append('\n');
      state.append(node.ip("route", "show", "table", "all").out());
      state.append(node.run("nft", "list", "counters").out());
    }
    return state.toString();
  }

  /** Runs a command of culvert on a node. */
  public Commands.Result culvert(int node, String... arguments) {
    return site(node).node().attempt(Duration.ofSeconds(30), Map.of(), Culvert.command(arguments));
  }

  @Override
  public void close() {
    network.close();
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new LabException("cannot remove " + folder, e);
    }
  }
}
