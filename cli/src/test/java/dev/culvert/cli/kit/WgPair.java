// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static dev.culvert.lab.net.Namespaces.connect;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Namespaces.End;
import dev.culvert.lab.net.Traffic;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Two nodes on one wire, ours and a peer's, and room on the wire for an attacker. Tunnel addresses
 * are 10.99.0.1 and fd99::1 for ours, .2 and ::2 for the peer's.
 */
public final class WgPair implements AutoCloseable {
  public static final String WIRE_DEVICE = "wire0";
  public static final int MTU = 1420;
  public static final String OUR_V4 = "10.99.0.1";
  public static final String PEER_V4 = "10.99.0.2";
  public static final String OUR_V6 = "fd99::1";
  public static final String PEER_V6 = "fd99::2";
  private static final AtomicInteger COUNT = new AtomicInteger();

  final Namespaces namespaces;
  final Namespace wire;
  public final WgNode ours;
  public final WgNode peers;
  private final boolean overV6;

  /**
   * Starts both implementations. Neither knows the other yet.
   *
   * @param overV6 whether the wire speaks IPv6 rather than IPv4
   */
  public WgPair(
      Implementation ourImplementation, Implementation peerImplementation, boolean overV6) {
    String id = ProcessHandle.current().pid() % 100_000 + "x" + COUNT.incrementAndGet();
    this.overV6 = overV6;
    namespaces = new Namespaces("cvi-" + id + "-");
    try {
      wire = namespaces.create("wire");
      Namespace a = onTheWire("ours", 1);
      Namespace b = onTheWire("peers", 2);
      ours = new WgNode(a, "cv" + id + "a", ourImplementation);
      peers = new WgNode(b, "cv" + id + "b", peerImplementation);
      bringUp(ours, OUR_V4, OUR_V6);
      bringUp(peers, PEER_V4, PEER_V6);
    } catch (RuntimeException e) {
      namespaces.close();
      throw e;
    }
  }

  /** A namespace plugged into the wire, at the given place in its networks. */
  Namespace onTheWire(String name, int host) {
    Namespace namespace = namespaces.create(name);
    if (host == 1) {
      wire.ip("link", "add", "br0", "type", "bridge");
      wire.up("br0");
    }
    connect(new End(namespace, WIRE_DEVICE), new End(wire, "port" + host));
    wire.ip("link", "set", "port" + host, "master", "br0");
    return namespace
        .address(WIRE_DEVICE, "192.0.2." + host + "/24")
        .address(WIRE_DEVICE, "2001:db8::" + host + "/64");
  }

  /** Gives a node's interface its MTU and addresses. */
  public static void bringUp(WgNode node, String v4, String v6) {
    node.namespace.ip("link", "set", node.device, "mtu", Integer.toString(MTU), "up");
    node.namespace.address(node.device, v4 + "/24").address(node.device, v6 + "/64");
  }

  /** The address of a host on the wire, in the family of this pair. */
  public String wireAddress(int host) {
    return overV6 ? "2001:db8::" + host : "192.0.2." + host;
  }

  /** The same with the tunnel's port, as {@code wg} writes it. */
  public String endpoint(int host) {
    return (overV6 ? "[" + wireAddress(host) + "]" : wireAddress(host)) + ":" + WgNode.PORT;
  }

  /** Makes the peer known to us. */
  public void introducePeer(String... more) {
    introduce(ours, peers.publicKey, PEER_V4, PEER_V6, more);
  }

  /** Makes us known to the peer. */
  public void introduceUs(String... more) {
    introduce(peers, ours.publicKey, OUR_V4, OUR_V6, more);
  }

  public static void introduce(WgNode node, String key, String v4, String v6, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("peer", key, "allowed-ips", v4 + "/32," + v6 + "/128"));
    arguments.addAll(List.of(more));
    node.set(arguments.toArray(String[]::new));
  }

  /** Makes both known to each other, with endpoints. */
  public void introduceEachOther() {
    introducePeer("endpoint", endpoint(2));
    introduceUs("endpoint", endpoint(1));
  }

  /** A fresh pre-shared key for both, in a file. */
  public static Path presharedKey() {
    return WgNode.secretFile(Commands.run("wg", "genpsk").out().strip());
  }

  /**
   * Sends random bytes over TCP and compares them with those that arrived.
   *
   * @param to an address of {@code receiver}
   */
  public static Transfer tcp(WgNode sender, WgNode receiver, String to, long bytes) {
    return tcp(sender.namespace, receiver.namespace, to, bytes);
  }

  /** The same between two namespaces. */
  public static Transfer tcp(Namespace sender, Namespace receiver, String to, long bytes) {
    try (Daemon server = serve(receiver, "tcp-serve")) {
      String sent =
          send(sender, "tcp-bytes", to, "9000", Long.toString(bytes), Long.toString(bytes));
      return new Transfer(sent, server.awaitLine("received "));
    }
  }

  /** Sends random datagrams and compares them with those that arrived. */
  public static Transfer udp(WgNode sender, WgNode receiver, String to, int count, int size) {
    try (Daemon server = serve(receiver.namespace, "udp-serve", Integer.toString(count))) {
      String sent =
          send(
              sender.namespace,
              "udp-send",
              to,
              "9000",
              Integer.toString(count),
              Integer.toString(size));
      return new Transfer(sent, server.awaitLine("received "));
    }
  }

  private static Daemon serve(Namespace namespace, String role, String... more) {
    List<String> arguments = new ArrayList<>(List.of(role, "9000"));
    arguments.addAll(List.of(more));
    Daemon server = namespace.start(Map.of(), Traffic.command(arguments.toArray(String[]::new)));
    server.awaitOutput("listening");
    return server;
  }

  private static String send(Namespace namespace, String... arguments) {
    String output =
        namespace.attempt(Commands.PATIENCE, Map.of(), Traffic.command(arguments)).orThrow().out();
    return Daemon.lineOf(output, "sent ").orElseThrow();
  }

  /**
   * The bytes that left and those that arrived.
   *
   * @param sent amount and SHA-256 of the bytes sent
   * @param received amount and SHA-256 of the bytes that arrived
   */
  public record Transfer(String sent, String received) {}

  @Override
  public void close() {
    namespaces.close();
  }
}
