// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.cli.kit.ManualEspGateway.Sa;
import dev.culvert.cli.kit.ManualEspGateway.Setup;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Namespaces.End;
import dev.culvert.lab.net.Traffic;
import dev.culvert.tunnel.port.Encapsulation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Two nodes on one wire, ours and a foreign one. Behind ours are 10.91.0.1 and fd91::1, behind the
 * other .92 and fd92, all on loopback.
 */
public final class EspPair implements AutoCloseable {
  public static final String WIRE = "wire0";
  public static final String SECOND_UPLINK = "wire1";
  public static final List<String> OUR_NETS = List.of("10.91.0.0/24", "fd91::/64");
  public static final List<String> PEER_NETS = List.of("10.92.0.0/24", "fd92::/64");
  public static final String OUR_V4 = "10.91.0.1";
  public static final String OUR_V6 = "fd91::1";
  public static final String PEER_V4 = "10.92.0.1";
  public static final String PEER_V6 = "fd92::1";
  private static final AtomicInteger COUNT = new AtomicInteger();

  final Namespaces namespaces;
  public final Namespace ours;
  public final Namespace peers;
  public final String device;
  private final boolean overV6;

  public EspPair(boolean overV6) {
    this.overV6 = overV6;
    String id = ProcessHandle.current().pid() % 100_000 + "x" + COUNT.incrementAndGet();
    device = "cve" + id;
    namespaces = new Namespaces("cve-" + id + "-");
    try {
      ours = namespaces.create("ours");
      peers = namespaces.create("peers");
      Namespaces.connect(new End(ours, WIRE), new End(peers, WIRE));
      address(ours, 1, OUR_V4, OUR_V6);
      address(peers, 2, PEER_V4, PEER_V6);
    } catch (RuntimeException e) {
      namespaces.close();
      throw e;
    }
  }

  private static void address(Namespace namespace, int host, String v4, String v6) {
    namespace
        .address(WIRE, "192.0.2." + host + "/24")
        .address(WIRE, "2001:db8::" + host + "/64")
        .address("lo", v4 + "/32")
        .address("lo", v6 + "/128");
  }

  /**
   * Puts a router between the nodes. Ours has two uplinks to it, {@link #WIRE} and {@link
   * #SECOND_UPLINK}, with an address on each and the node's address on loopback, which the router
   * reaches by the first. How the other node is reached is left to the test.
   *
   * @return the router
   */
  public Namespace putRouterBetween() {
    Namespace router = namespaces.create("router").forward();
    ours.ip("link", "del", WIRE);
    for (Namespace node : List.of(ours, router)) {
      // The way there and the way back may differ.
      node.run(
          "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0");
    }
    uplink(router, 1, WIRE);
    uplink(router, 2, SECOND_UPLINK);
    ours.address("lo", "192.0.2.1/32").address("lo", "2001:db8::1/128");
    router.route("192.0.2.1", "via", uplinkAddress(1, false));
    router.route("2001:db8::1", "via", uplinkAddress(1, true));
    Namespaces.connect(new End(router, "toPeer"), new End(peers, WIRE));
    router.address("toPeer", "192.0.2.3/31").address("toPeer", "2001:db8::3/127");
    peers.address(WIRE, "192.0.2.2/31").address(WIRE, "2001:db8::2/127");
    peers.route("default", "via", "192.0.2.3").route("default", "via", "2001:db8::3");
    return router;
  }

  private void uplink(Namespace router, int number, String device) {
    String far = "uplink" + number;
    Namespaces.connect(new End(ours, device), new End(router, far));
    ours.address(device, uplinkAddress(number, false) + "/24");
    ours.address(device, uplinkAddress(number, true) + "/64");
    router.address(far, routerAddress(number, false) + "/24");
    router.address(far, routerAddress(number, true) + "/64");
  }

  /** Ours on an uplink, 1 or 2. */
  public static String uplinkAddress(int uplink, boolean v6) {
    return v6 ? "fd0" + uplink + "::2" : "10." + uplink + ".0.2";
  }

  /** The router's on an uplink, 1 or 2. */
  public static String routerAddress(int uplink, boolean v6) {
    return v6 ? "fd0" + uplink + "::1" : "10." + uplink + ".0.1";
  }

  /** A host on the wire, in the family of this pair: 1 is ours, 2 the peer's. */
  public String wireAddress(int host) {
    return overV6 ? "2001:db8::" + host : "192.0.2." + host;
  }

  /** The arguments of our gateway in this pair. */
  public Setup setup(Encapsulation encapsulation, Sa in, Sa out, boolean esn, long first) {
    return new Setup(
        device, encapsulation, wireAddress(2), OUR_NETS, PEER_NETS, in, out, esn, first);
  }

  /** Starts our gateway, and routes packets for the peer through it. */
  public Daemon serve(Setup setup) {
    Daemon gateway = ours.start(Map.of(), setup.command());
    gateway.awaitOutput("serving");
    ours.up(device);
    ours.route(PEER_NETS.get(0), "dev", device, "src", OUR_V4);
    ours.route(PEER_NETS.get(1), "dev", device, "src", OUR_V6);
    return gateway;
  }

  /** Five pings from one end to an address behind the other. */
  public static Commands.Result ping(Namespace from, String source, String to, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "ping", "-n", "-c", "5", "-i", "0.1", "-W", Crowd.seconds(2), "-I", source, to));
    command.addAll(List.of(more));
    return from.attempt(command.toArray(String[]::new));
  }

  /**
   * Sends random bytes over TCP.
   *
   * @param to an address of {@code receiver}
   * @return amount and hash of the bytes sent and of those that arrived
   */
  public static List<String> tcp(Namespace sender, Namespace receiver, String to, long bytes) {
    try (Daemon server = receiver.start(Map.of(), Traffic.command("tcp-serve", "9000"))) {
      server.awaitOutput("listening");
      String count = Long.toString(bytes);
      String out =
          sender
              .attempt(
                  Commands.PATIENCE,
                  Map.of(),
                  Traffic.command("tcp-bytes", to, "9000", count, count))
              .orThrow()
              .out();
      return List.of(Daemon.lineOf(out, "sent ").orElseThrow(), server.awaitLine("received "));
    }
  }

  @Override
  public void close() {
    namespaces.close();
  }
}
