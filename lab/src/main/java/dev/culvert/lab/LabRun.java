// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.LabReport.Check;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.NumberedFlow;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import dev.culvert.tunnel.lane.LaneCounter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One run of the lab. The same traffic goes first in clear, which shows that the capture finds
 * packets in clear; then through the gateways; then with one of them dead.
 */
final class LabRun {
  private static final Duration CONTROL = Duration.ofSeconds(1);
  private static final Duration REFRESH = Duration.ofMillis(500);
  private static final Duration SECOND = Duration.ofSeconds(1);

  /** The warm-up takes at most so many times as long as the traffic afterwards. */
  private static final int WARM_UP = 2;

  private final LabNetwork network;
  private final LabView view;
  private final LabEngine engine;
  private final Path folder;
  private final Duration duration;
  // 16 bytes, since pings carry no more.
  private final String marker =
      "culvert-" + "%08x".formatted(ThreadLocalRandom.current().nextInt());
  private final LabGateway gatewayA;
  private final LabGateway gatewayB;
  private final List<Check> checks = new ArrayList<>();
  private final Map<String, Object> figures = new LinkedHashMap<>();

  /**
   * @param folder for keys and configurations
   * @param culvert the command line of {@code culvert}
   * @param engine the gateways' protocol
   * @param duration of the traffic through the tunnel
   */
  LabRun(
      LabNetwork network,
      Path folder,
      List<String> culvert,
      LabEngine engine,
      Duration duration,
      LabView view) {
    this.engine = engine;
    this.folder = folder;
    this.network = network;
    this.view = view;
    this.duration = duration;
    gatewayA = new LabGateway(network.a, folder, culvert, engine);
    gatewayB = new LabGateway(network.b, folder, culvert, engine);
  }

  /** Runs all phases except the end of a gateway. */
  void run() {
    inClear();
    gatewaysUp();
    warmUp();
    throughTheTunnel();
    if (engine == LabEngine.ESP) {
      rotation();
    }
  }

  /** Gives a new global key to one node, then to the other, while numbered packets flow. */
  private void rotation() {
    view.phase("rotation: a new global key on one node, then on the other, under traffic");
    try (Capture capture = capture();
        NumberedFlow flow =
            new NumberedFlow(network.a.pod(), network.b.pod(), network.b.podAddress(), marker)) {
      LabRotation rotation = new LabRotation(network, folder, gatewayA, gatewayB);
      int id = rotation.rotate();
      NumberedFlow.Outcome outcome = flow.finish();
      capture.stop();
      long seen = capture.seen(marker);
      figures.put("packetsLostInRotation", outcome.lost());
      figures.put("markerInClearInRotation", seen);
      check(
          "the global key is rotated without a packet lost or in clear",
          outcome.lost() == 0 && outcome.sent() > 0 && seen == 0,
          "to key %d; %,d packets sent, %,d lost, marker seen %,d times"
              .formatted(id, outcome.sent(), outcome.lost(), seen));
    }
  }

  LabReport report() {
    return LabReport.of(checks, figures);
  }

  private void check(String claim, boolean held, String seen) {
    checks.add(new Check(claim, held, seen));
    view.check(checks.getLast());
  }

  private Capture capture() {
    return Capture.start(network.wire, LabNetwork.BRIDGE, "", List.of(marker));
  }

  private LabFlow flow(LabSite from, LabSite to, String address, Duration time) {
    return new LabFlow(from.pod(), to.pod(), address, time, marker);
  }

  /** The control run: routes over the wire as it is. */
  private void inClear() {
    view.phase("control: the pods speak over the wire without a tunnel");
    network.a.routeInClear(network.b);
    network.b.routeInClear(network.a);
    try (Capture capture = capture();
        LabFlow flow = flow(network.a, network.b, network.b.podAddress(), CONTROL)) {
      boolean arrived = flow.arrivedUnchanged() && flow.pingLoss() == 0;
      capture.stop();
      long seen = capture.seen(marker);
      figures.put("markerInClearWithoutTunnel", seen);
      check(
          "without the tunnel the capture sees the marker",
          arrived && seen > 0,
          "%,d times in %,d packets".formatted(seen, capture.packets()));
    }
    network.a.unrouteInClear(network.b);
    network.b.unrouteInClear(network.a);
  }

  private void gatewaysUp() {
    view.phase("gateways: culvert up on both nodes");
    long began = System.nanoTime();
    gatewayA.start(gatewayB);
    gatewayB.start(gatewayA);
    boolean answered =
        Waiting.until(
            Commands.PATIENCE,
            () ->
                network
                    .a
                    .pod()
                    .attempt(
                        "ping", "-n", "-c", "1", "-W", Crowd.seconds(1), network.b.podAddress())
                    .succeeded());
    double seconds = (System.nanoTime() - began) / 1e9;
    figures.put("secondsToFirstAnsweredPing", seconds);
    check(
        "the gateways shake hands and the pods reach each other",
        answered && handshakes(gatewayA) && handshakes(gatewayB),
        "after %.1f s, both gateways started".formatted(seconds));
  }

  private static boolean handshakes(LabGateway gateway) {
    return gateway.status().stream()
        .flatMap(status -> status.peers().stream())
        .allMatch(peer -> peer.lastHandshake() != null);
  }

  /**
   * Warms the gateways up: Java compiles code that runs often, so a gateway reaches its full speed
   * only after a while.
   */
  private void warmUp() {
    Duration most = duration.multipliedBy(WARM_UP);
    view.phase(
        "warm-up: TCP both ways at once, until it gets no faster, %d s at most"
            .formatted(most.toSeconds()));
    SpeedCurve curve = new SpeedCurve();
    try (LabFlow there = flow(network.a, network.b, network.b.podAddress(), most);
        LabFlow back = flow(network.b, network.a, network.a.podAddressV6(), most)) {
      long began = System.nanoTime();
      long before = 0;
      long last = began;
      while (curve.rises() && System.nanoTime() - began < most.toNanos()) {
        Waiting.pause(SECOND);
        long received = there.received() + back.received();
        long now = System.nanoTime();
        curve.add((received - before) * 8.0 / (now - last));
        before = received;
        last = now;
        view.live(
            Map.of("second " + curve.seconds().size(), "%.2f Gbit/s".formatted(curve.latest())));
      }
    }
    figures.put("gigabitsPerSecondInEachSecond", curve.seconds());
    view.result("Gbit/s in each second since the start: " + curve);
  }

  private void throughTheTunnel() {
    view.phase("tunnel: the same traffic through the gateways, IPv4 one way, IPv6 the other");
    Duration half = duration.dividedBy(2);
    try (Capture capture = capture()) {
      follow(capture, network.a, network.b, network.b.podAddress(), half);
      follow(capture, network.b, network.a, network.a.podAddressV6(), half);
      long lost = capture.stop();
      long seen = capture.seen(marker);
      figures.put("packetsOnTheWire", capture.packets());
      figures.put("packetsTheCaptureLost", lost);
      figures.put("markerInClearThroughTunnel", seen);
      check(
          "through the tunnel not one marker is seen on the wire",
          seen == 0 && capture.packets() > 0,
          "%,d times in %,d packets%s"
              .formatted(
                  seen, capture.packets(), lost == 0 ? "" : "; %,d not looked at".formatted(lost)));
    }
  }

  private void follow(Capture capture, LabSite from, LabSite to, String address, Duration time) {
    try (LabFlow flow = flow(from, to, address, time)) {
      long began = System.nanoTime();
      long before = 0;
      while (flow.isRunning()) {
        Waiting.pause(REFRESH);
        long now = flow.received();
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put(
            "second", "%.1f of %d".formatted((System.nanoTime() - began) / 1e9, time.toSeconds()));
        lines.putAll(lines(capture, from, to, flow, (now - before) * 8.0 / REFRESH.toNanos()));
        view.live(lines);
        before = now;
        if (System.nanoTime() - began > time.plus(Commands.PATIENCE).toNanos()) {
          throw new LabException("the traffic does not end");
        }
      }
      boolean unchanged = flow.arrivedUnchanged();
      double gigabits = flow.received() * 8.0 / time.toNanos();
      String name = from.podName() + " to " + to.podName();
      figures.put("gigabitsPerSecond " + name, gigabits);
      check(
          "TCP from " + name + " arrives unchanged",
          unchanged,
          "%,d bytes, %.2f Gbit/s, SHA-256 compared".formatted(flow.received(), gigabits));
      check(
          "pings from " + name + " are answered",
          flow.pingLoss() == 0,
          "%.0f %% lost beside the TCP stream".formatted(flow.pingLoss()));
    }
  }

  private Map<String, String> lines(
      Capture capture, LabSite from, LabSite to, LabFlow flow, double gigabits) {
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "throughput", "%.2f Gbit/s, %s to %s".formatted(gigabits, from.podName(), to.podName()));
    lines.put("round trip", flow.roundTrip().map(ms -> ms + " ms, loaded").orElse("-"));
    lines.put(network.a.nodeName(), gatewayA.status().map(LabRun::line).orElse("no answer"));
    lines.put(network.b.nodeName(), gatewayB.status().map(LabRun::line).orElse("no answer"));
    lines.put(
        "wire",
        "%,d packets; bytes of the marker seen in clear: %,d"
            .formatted(capture.packets(), capture.seen(marker) * marker.length()));
    return lines;
  }

  private static String line(GatewayView status) {
    Optional<Long> handshake =
        status.peers().stream().map(PeerView::lastHandshake).filter(Objects::nonNull).findFirst();
    String shaken =
        handshake
            .map(then -> "handshake %d s ago".formatted(System.currentTimeMillis() / 1000 - then))
            .orElse("no handshake yet");
    var traffic = status.traffic();
    return traffic == null
        ? shaken
        : String.format(
            Locale.ROOT,
            "%s, %,d packets sent, %,d delivered, dropped: %s",
            shaken,
            traffic.count(LaneCounter.PACKETS_SENT),
            traffic.count(LaneCounter.PACKETS_DELIVERED),
            traffic.drops().isEmpty() ? "none" : traffic.drops());
  }

  /** Shows that a killed gateway stops the traffic, rather than letting it out in clear. */
  void withADeadGateway() {
    view.phase("crash: the gateway of node-a is killed, the pods go on sending");
    gatewayA.kill();
    try (Capture capture = capture()) {
      boolean answered = false;
      String hex = HexFormat.of().formatHex(marker.getBytes(UTF_8));
      for (String address : List.of(network.b.podAddress(), network.b.podAddressV6())) {
        answered |=
            network
                .a
                .pod()
                .attempt("ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-p", hex, address)
                .succeeded();
        Traffic.send(network.a.pod(), "udp-text", address, "9001", marker);
      }
      capture.stop();
      long seen = capture.seen(marker);
      figures.put("markerInClearAfterCrash", seen);
      check(
          "with the gateway dead nothing leaves in clear",
          seen == 0 && !answered,
          "%,d times in %,d packets".formatted(seen, capture.packets()));
    }
  }
}
