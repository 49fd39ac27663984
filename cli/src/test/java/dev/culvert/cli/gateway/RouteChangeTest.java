// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static dev.culvert.cli.kit.EspPair.SECOND_UPLINK;
import static dev.culvert.cli.kit.EspPair.WIRE;
import static dev.culvert.cli.kit.EspPair.routerAddress;
import static dev.culvert.cli.kit.EspPair.uplinkAddress;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.daemon.admin.AdminClient;
import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sealed packets take the way that routes and rules say now, whatever way they took before, and
 * never that into their own tunnel.
 */
@Tag("integration")
final class RouteChangeTest {
  /** Less than the 15 s after which a peer that does not answer is sought anew. */
  private static final Duration SOON = Duration.ofSeconds(10);

  private static final int PINGS = 10;
  private static final int PING_BYTES = 1000;

  /** With IP and ICMP around it, padded to 16, and sealed. */
  private static final int SEALED_PING = 1040 + 32 + 28;

  private static final String RULE = "1000";
  private static final String TABLE = "200";
  private static final String MARK = "0x77";
  private static final int UDP = 17;

  private static final List<AutoCloseable> OPEN = new ArrayList<>();

  /** {@code culvert wg} with two uplinks. */
  private static EspPair wgNodes;

  private static WgNode ours;
  private static WgNode peers;

  /** {@code culvert up} that speaks ESP, with two uplinks. */
  private static EspPair espNodes;

  /** {@code culvert up} that speaks WireGuard, on one wire. */
  private static EspPair gatewayNodes;

  private static UpPair gateways;
  private static int mtu;

  @BeforeAll
  static void start() {
    Requirements.namespaces();
    wgNodes = opened(new EspPair(false));
    wgNodes.putRouterBetween();
    ours = new WgNode(wgNodes.ours, wgNodes.device, Implementation.underTest());
    peers = new WgNode(wgNodes.peers, wgNodes.device + "b", Implementation.peers().getFirst());
    WgPair.bringUp(ours, WgPair.OUR_V4, WgPair.OUR_V6);
    WgPair.bringUp(peers, WgPair.PEER_V4, WgPair.PEER_V6);
    for (boolean v6 : new boolean[] {false, true}) {
      route(v6, "add", "default", "via", routerAddress(2, v6), "table", TABLE);
    }
    espNodes = opened(new EspPair(false));
    espNodes.putRouterBetween();
    espRoute("add", 1, 200);
    CompletableFuture<UpPair> esp =
        CompletableFuture.supplyAsync(() -> new UpPair(espNodes, Keys.GLOBAL));
    gatewayNodes = opened(new EspPair(false));
    gateways =
        opened(new UpPair(gatewayNodes, Keys.WIREGUARD, List.of(), RouteChangeTest::withNode));
    opened(esp.join());
    assertTrue(Waiting.until(Commands.PATIENCE, RouteChangeTest::gatewaysPing), gateways::output);
    mtu = mtu();
  }

  /** Packets for the peer's node itself go through the tunnel too, as in a cluster. */
  private static String withNode(String configuration) {
    return configuration.replace("allowedIps: [", "allowedIps: [192.0.2.2/32, ");
  }

  private static <T extends AutoCloseable> T opened(T resource) {
    OPEN.add(resource);
    return resource;
  }

  @AfterAll
  static void close() throws Exception {
    for (AutoCloseable resource : OPEN.reversed()) {
      resource.close();
    }
  }

  /** One route to the peer, by the first uplink, nothing learnt of it, and none into a tunnel. */
  @BeforeEach
  void restore() {
    for (boolean v6 : new boolean[] {false, true}) {
      ip(v6, "route", "flush", "exact", peerAddress(v6));
      ip(v6, "rule", "del", "pref", RULE);
      route(v6, "add", peerAddress(v6), "via", routerAddress(1, v6), "metric", "200");
    }
    gatewayNodes.ours.attempt("ip", "route", "flush", "exact", "192.0.2.2");
    ours.set("fwmark", "0", "peer", peers.publicKey, "remove");
    peers.set("peer", ours.publicKey, "remove");
  }

  /** Runs {@code ip} at our end of the nodes with {@code culvert wg}. */
  private static Commands.Result ip(boolean v6, String... words) {
    List<String> command = new ArrayList<>(List.of("ip", v6 ? "-6" : "-4"));
    command.addAll(List.of(words));
    return wgNodes.ours.attempt(command.toArray(String[]::new));
  }

  private static void route(boolean v6, String verb, String destination, String... way) {
    List<String> words = new ArrayList<>(List.of("route", verb, destination));
    words.addAll(List.of(way));
    ip(v6, words.toArray(String[]::new)).orThrow();
  }

  private static String peerAddress(boolean v6) {
    return v6 ? "2001:db8::2" : "192.0.2.2";
  }

  private static String withPort(String address) {
    return (address.contains(":") ? "[" + address + "]" : address) + ":" + WgNode.PORT;
  }

  /** Makes the nodes known to each other, as {@code ours} has to seek the peer. */
  private static void connect(boolean v6) {
    WgPair.introduce(peers, ours.publicKey, WgPair.OUR_V4, WgPair.OUR_V6);
    introducePeer("endpoint", withPort(peerAddress(v6)));
    assertLeavesBy(1, v6);
  }

  private static void introducePeer(String... more) {
    WgPair.introduce(ours, peers.publicKey, WgPair.PEER_V4, WgPair.PEER_V6, more);
  }

  private static void assertLeavesBy(int uplink, boolean v6) {
    assertLeavesBy(uplink, v6, () -> ours.pings(WgPair.PEER_V4));
  }

  /** The peer sees us at that uplink's address, and pings are answered. */
  private static void assertLeavesBy(int uplink, boolean v6, BooleanSupplier pings) {
    String wanted = withPort(uplinkAddress(uplink, v6));
    assertTrue(
        Waiting.until(SOON, () -> pings.getAsBoolean() && peers.endpoint().equals(wanted)),
        () -> "wanted " + wanted + ", the peer sees us at " + peers.endpoint());
  }

  @ParameterizedTest(name = "IPv6 {0}")
  @ValueSource(booleans = {false, true})
  void aBetterRouteIsTaken(boolean v6) {
    connect(v6);
    route(v6, "add", peerAddress(v6), "via", routerAddress(2, v6), "metric", "100");
    assertLeavesBy(2, v6);
  }

  @ParameterizedTest(name = "IPv6 {0}")
  @ValueSource(booleans = {false, true})
  void aRouteThatIsWithdrawnIsLeft(boolean v6) {
    route(v6, "add", peerAddress(v6), "via", routerAddress(2, v6), "metric", "300");
    connect(v6);
    route(v6, "del", peerAddress(v6), "via", routerAddress(1, v6));
    assertLeavesBy(2, v6);
  }

  @ParameterizedTest(name = "IPv6 {0}")
  @ValueSource(booleans = {false, true})
  void rulesDecideFromTheMomentTheyChange(boolean v6) {
    connect(v6);
    ip(v6, "rule", "add", "pref", RULE, "to", peerAddress(v6), "lookup", TABLE).orThrow();
    assertLeavesBy(2, v6);
    ip(v6, "rule", "del", "pref", RULE).orThrow();
    assertLeavesBy(1, v6);
  }

  @ParameterizedTest(name = "IPv6 {0}")
  @ValueSource(booleans = {false, true})
  void theMarkDecidesFromTheMomentItIsSet(boolean v6) {
    ip(v6, "rule", "add", "pref", RULE, "fwmark", MARK, "lookup", TABLE).orThrow();
    connect(v6);
    ours.set("fwmark", MARK);
    assertLeavesBy(2, v6);
    ours.set("fwmark", "0");
    assertLeavesBy(1, v6);
  }

  @Test
  void anUnreachableRouteIsObeyed() {
    connect(false);
    assertTrue(sentByAnyUplink() > 0, "the detector sees packets that leave");
    ip(false, "route", "add", "unreachable", peerAddress(false)).orThrow();
    assertEquals(0, sentByAnyUplink());
    ip(false, "route", "del", "unreachable", peerAddress(false)).orThrow();
    assertLeavesBy(1, false);
  }

  /** Pings, and counts the packets that leave meanwhile: to the peer, and to find its address. */
  private static long sentByAnyUplink() {
    // A kernel that takes the peer to be on the link asks for it, if it did not before.
    wgNodes.ours.ip("neighbour", "flush", "dev", WIRE);
    try (Capture capture =
        Capture.start(
            wgNodes.ours,
            "any",
            "udp dst port " + WgNode.PORT + " and dst host 192.0.2.2 or arp dst host 192.0.2.2",
            List.of())) {
      ours.ping(WgPair.PEER_V4, "-c", "3", "-i", "0.2", "-W", "1");
      capture.stop();
      return capture.packets();
    }
  }

  @ParameterizedTest(name = "IPv6 {0}")
  @ValueSource(booleans = {false, true})
  void aPeerThatComesByAnotherWayThanLeadsBackIsAnswered(boolean v6) {
    route(v6, "replace", peerAddress(v6), "via", routerAddress(2, v6), "metric", "200");
    introducePeer();
    WgPair.introduce(
        peers,
        ours.publicKey,
        WgPair.OUR_V4,
        WgPair.OUR_V6,
        "endpoint",
        withPort(uplinkAddress(1, v6)));
    assertLeavesBy(2, v6, () -> peers.pings(WgPair.OUR_V4));
  }

  @ParameterizedTest(name = "IPv6 {0}")
  @ValueSource(booleans = {false, true})
  void whatARouteLeadsIntoItsOwnTunnelIsNotSealedAgain(boolean v6) {
    connect(v6);
    ours.set("peer", peers.publicKey, "allowed-ips", "0.0.0.0/0,::/0");
    try (Capture tunnel = inTunnel(ours.namespace, ours.device)) {
      route(v6, "add", peerAddress(v6), "dev", ours.device, "metric", "100");
      sendPings(ours.namespace, WgPair.PEER_V4);
      // A new endpoint has no learnt source that would keep its packets out of the tunnel.
      ours.set("peer", peers.publicKey, "endpoint", withPort(peerAddress(v6)));
      sendPings(ours.namespace, WgPair.PEER_V4);
      assertSealedOnce(tunnel, 2 * PINGS);
    }
    route(v6, "del", peerAddress(v6), "dev", ours.device);
    assertLeavesBy(1, v6);
    assertBecomesIdle(ours.daemon());
  }

  private static Capture inTunnel(Namespace node, String device) {
    return Capture.start(node, device, "udp port " + WgNode.PORT, List.of());
  }

  /** Answered or not. */
  private static void sendPings(Namespace from, String to) {
    String ping = "ping -n -c %d -i 0.02 -W 1 -s %d %s".formatted(PINGS, PING_BYTES, to);
    from.attempt(ping.split(" "));
  }

  /**
   * A packet that is sealed twice is counted twice: at least twice as many bytes. Handshakes are
   * few.
   */
  private static void assertSealedOnce(Capture tunnel, int pings) {
    tunnel.stop();
    assertTrue(tunnel.packets() > 0, "the route leads into the tunnel");
    assertTrue(tunnel.bytes() < 2L * pings * SEALED_PING, () -> tunnel.bytes() + " bytes");
  }

  private static void assertBecomesIdle(Daemon daemon) {
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> {
              Duration before = processorTime(daemon);
              Waiting.pause(Duration.ofMillis(500));
              return processorTime(daemon).minus(before).toMillis() < 100;
            }),
        "its processor time goes on");
  }

  private static Duration processorTime(Daemon daemon) {
    return ProcessHandle.of(daemon.pid())
        .flatMap(process -> process.info().totalCpuDuration())
        .orElseThrow();
  }

  private static boolean gatewaysPing() {
    return EspPair.ping(gatewayNodes.ours, EspPair.OUR_V4, EspPair.PEER_V4).succeeded();
  }

  private static int mtu() {
    return Integer.parseInt(
        gatewayNodes
            .ours
            .run("cat", "/sys/class/net/" + gateways.device(1) + "/mtu")
            .out()
            .strip());
  }

  @Test
  void aGatewayCountsWhatLoops() throws IOException {
    try (Capture tunnel = inTunnel(gatewayNodes.ours, gateways.device(1))) {
      gatewayNodes.ours.ip("route", "add", "192.0.2.2", "dev", gateways.device(1));
      sendPings(gatewayNodes.ours, EspPair.PEER_V4);
      assertSealedOnce(tunnel, PINGS);
    }
    assertTrue(looped() > 0, "it is counted");
    gatewayNodes.ours.ip("route", "del", "192.0.2.2", "dev", gateways.device(1));
    assertTrue(Waiting.until(SOON, RouteChangeTest::gatewaysPing), gateways::output);
    assertBecomesIdle(gateways.ours);
  }

  private static long looped() throws IOException {
    return Objects.requireNonNull(
            Objects.requireNonNull(
                    new AdminClient(AdminServer.DIRECTORY)
                        .call(gateways.device(1), Command.STATUS)
                        .gateway())
                .traffic())
        .drops()
        .getOrDefault("looped", 0L);
  }

  /** Ways to lose the only link. */
  private enum Outage {
    LINK("link set wire0 down", "link set wire0 up"),
    ADDRESS("address del 192.0.2.1/24 dev wire0", "address add 192.0.2.1/24 dev wire0");

    private final String begins;
    private final String ends;

    Outage(String begins, String ends) {
      this.begins = begins;
      this.ends = ends;
    }
  }

  @ParameterizedTest
  @EnumSource
  void withoutAWayAGatewaySendsNothingThroughItsOwnTunnel(Outage outage) {
    AtomicLong others = new AtomicLong();
    AtomicLong own = new AtomicLong();
    try (Capture tunnel =
            Capture.start(
                gatewayNodes.ours,
                gateways.device(1),
                "icmp or udp port " + WgNode.PORT,
                List.of(),
                packet -> (packet[9] == UDP ? own : others).incrementAndGet());
        Daemon ping =
            gatewayNodes.ours.start(
                "ping", "-n", "-i", "0.02", "-I", EspPair.OUR_V4, EspPair.PEER_V4)) {
      ping.awaitOutput("ttl");
      gatewayNodes.ours.ip(outage.begins.split(" "));
      long before = others.get();
      assertTrue(Waiting.until(SOON, () -> others.get() > before + 10), "sent without a way");
      gatewayNodes.ours.ip(outage.ends.split(" "));
      assertTrue(Waiting.until(SOON, RouteChangeTest::gatewaysPing), gateways::output);
      tunnel.stop();
    }
    assertEquals(0, own.get());
    assertEquals(mtu, mtu());
    assertBecomesIdle(gateways.ours);
  }

  private static void espRoute(String verb, int uplink, int metric) {
    String route =
        "route %s 192.0.2.2 via %s src 192.0.2.1 metric %d"
            .formatted(verb, routerAddress(uplink, false), metric);
    espNodes.ours.ip(route.split(" "));
  }

  @Test
  void espTakesTheBetterRouteAndLeavesItWhenItIsWithdrawn() {
    assertEspLeavesBy(WIRE);
    espRoute("add", 2, 100);
    assertEspLeavesBy(SECOND_UPLINK);
    espRoute("del", 2, 100);
    assertEspLeavesBy(WIRE);
  }

  private static void assertEspLeavesBy(String uplink) {
    try (Capture capture =
        Capture.start(espNodes.ours, uplink, "udp port 4500 and src host 192.0.2.1", List.of())) {
      assertTrue(
          Waiting.until(
              SOON,
              () -> {
                long before = capture.packets();
                return EspPair.ping(espNodes.ours, EspPair.OUR_V4, EspPair.PEER_V4).succeeded()
                    && Waiting.until(Duration.ofSeconds(1), () -> capture.packets() >= before + 5);
              }),
          "five pings leave by " + uplink + " and are answered");
    }
  }
}
