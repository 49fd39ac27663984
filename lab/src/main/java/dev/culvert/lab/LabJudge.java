// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.lab.LabReport.Check;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

/**
 * Judges a run with three nodes: looks for a marker on the wire, and notes each claim's outcome.
 */
final class LabJudge {
  /** The port of datagrams that hold the marker. */
  static final String PORT = "9001";

  private final LabNetwork network;
  private final LabView view;
  private final String marker =
      "culvert-" + "%08x".formatted(ThreadLocalRandom.current().nextInt());
  private final List<Check> checks = new ArrayList<>();
  private final Map<String, Object> figures = new LinkedHashMap<>();

  LabJudge(LabNetwork network, LabView view) {
    this.network = network;
    this.view = view;
  }

  LabReport report() {
    return LabReport.of(checks, figures);
  }

  void figure(String name, Object value) {
    figures.put(name, value);
  }

  void check(String claim, boolean held, String seen) {
    checks.add(new Check(claim, held, seen));
    view.check(checks.getLast());
  }

  /** Sends the marker in a datagram to each address. */
  void say(Namespace from, String... to) {
    Traffic.send(from, "udp-text", String.join(",", to), PORT, marker);
  }

  /** Sends the marker pod to pod, pod to node, node to pod, and node to node. */
  void speakOnAllWays() {
    LabSite b = network.b;
    LabSite c = network.sites().get(2);
    for (Namespace from : List.of(b.pod(), b.node())) {
      say(from, c.podAddress(), c.podAddressV6(), c.wireAddress(), c.wireAddressV6());
    }
  }

  /** How often the marker is on the wire while {@code action} runs. */
  long markers(Runnable action) {
    try (Capture capture = Capture.start(network.wire, LabNetwork.BRIDGE, "", List.of(marker))) {
      action.run();
      capture.stop();
      return capture.seen(marker);
    }
  }

  /**
   * The control: without a tunnel all speak over the wire, which shows that the capture finds the
   * marker in clear. The routes for that stay.
   */
  void checkInClear() {
    for (LabSite site : network.sites()) {
      network.sites().stream().filter(other -> !other.equals(site)).forEach(site::routeInClear);
    }
    view.phase("control: pods and nodes speak over the wire without a tunnel");
    long seen = markers(this::speakOnAllWays);
    figure("markerInClearWithoutTunnel", seen);
    check("without the tunnel the capture sees the marker", seen > 0, times(seen));
  }

  void checkSilence(String claim, Runnable action) {
    long seen = markers(action);
    check(claim, seen == 0, times(seen));
  }

  private static String times(long seen) {
    return "%,d times".formatted(seen);
  }

  /** Waits until every pod reaches every other, and notes whether that was before the patience. */
  void checkPodsMeet(String claim) {
    List<Way> silent = silentWays();
    check(claim, silent.isEmpty(), silent.isEmpty() ? "pings" : unanswered(silent));
  }

  /** The ways on which pings get no answer when the patience ends; none once all are answered. */
  private List<Way> silentWays() {
    List<Way> ways = new ArrayList<>();
    for (LabSite from : network.sites()) {
      for (LabSite to : network.sites()) {
        if (!from.equals(to)) {
          ways.add(new Way(from, to.podAddress()));
          ways.add(new Way(from, to.podAddressV6()));
        }
      }
    }
    List<Way> silent = new ArrayList<>();
    Waiting.until(
        Commands.PATIENCE,
        () -> {
          silent.clear();
          // Side by side: one way that lags would otherwise delay the first packet of the others.
          silent.addAll(ways.parallelStream().filter(way -> !way.answers()).toList());
          return silent.isEmpty();
        });
    return silent;
  }

  private static String unanswered(List<Way> silent) {
    return "no answer from "
        + silent.stream()
            .map(way -> way.to + " to " + way.from.nodeName())
            .collect(Collectors.joining(", "));
  }

  /** From a site's pod to another pod's address. */
  private record Way(LabSite from, String to) {
    boolean answers() {
      return pings(from.pod(), to);
    }
  }

  static boolean pings(Namespace from, String to) {
    return from.attempt("ping", "-n", "-c", "1", "-W", Crowd.seconds(1), to).succeeded();
  }

  /**
   * Notes how long it takes from before the action until every pod reaches every other.
   *
   * @param when tells the action, in the claim
   */
  void timed(String figure, String when, Runnable action) {
    long began = System.nanoTime();
    action.run();
    List<Way> silent = silentWays();
    double seconds = (System.nanoTime() - began) / 1e9;
    figures.put(figure, seconds);
    String seen = "after %.1f s".formatted(seconds);
    check(
        when + " every pod reaches every other",
        silent.isEmpty(),
        silent.isEmpty() ? seen : seen + " " + unanswered(silent));
  }
}
