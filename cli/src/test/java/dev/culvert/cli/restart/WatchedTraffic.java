// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.NumberedFlow;
import dev.culvert.lab.net.Waiting;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Traffic between the pods of the lab: numbered datagrams both ways and pings. The wire between the
 * nodes is watched, and a pod's packet would cross it in clear if neither tunnel nor guard held it.
 */
final class WatchedTraffic implements AutoCloseable {
  private static final String MARKER = "never-in-clear-1";
  private static final Pattern REPLY = Pattern.compile("(?m)^\\[(\\d+\\.\\d+)] \\d+ bytes from ");

  private final TestLab lab;
  private final SentCounters counters;
  private final Capture capture;
  private final NumberedFlow there;
  private final NumberedFlow back;
  private final Daemon ping;

  /**
   * The outcome of all traffic.
   *
   * @param sent datagrams, both ways
   * @param lost of them
   * @param longestGap between two replies to pings that are sent every 10 ms, in milliseconds
   */
  record Outcome(long sent, long lost, long longestGap) {}

  private WatchedTraffic(
      TestLab lab,
      SentCounters counters,
      Capture capture,
      NumberedFlow there,
      NumberedFlow back,
      Daemon ping) {
    this.lab = lab;
    this.counters = counters;
    this.capture = capture;
    this.there = there;
    this.back = back;
    this.ping = ping;
  }

  /** Begins, with gateways that run. */
  static WatchedTraffic start(TestLab lab, LabEngine engine) {
    return start(lab, engine, 1);
  }

  /** The same with so many thousand datagrams per second, each way. */
  static WatchedTraffic start(TestLab lab, LabEngine engine, int thousandsPerSecond) {
    LabNetwork network = lab.network;
    for (LabSite site : network.sites()) {
      // Else a train crosses the wire as one packet, and only its first could be told.
      site.node().ip("link", "set", LabSite.WIRE_DEVICE, "gso_max_segs", "1");
    }
    network.a.routeInClear(network.b);
    network.b.routeInClear(network.a);
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    SentCounters counters = new SentCounters(engine);
    // Whatever does not get started here ends with the lab's namespaces.
    Capture capture =
        Capture.start(network.wire, LabNetwork.BRIDGE, "", List.of(MARKER), counters::add);
    return new WatchedTraffic(
        lab,
        counters,
        capture,
        flow(network.a, network.b, thousandsPerSecond),
        flow(network.b, network.a, thousandsPerSecond),
        network.a.pod().start("ping", "-n", "-D", "-i", "0.01", network.b.podAddress()));
  }

  private static NumberedFlow flow(LabSite from, LabSite to, int thousandsPerSecond) {
    return new NumberedFlow(from.pod(), to.pod(), to.podAddress(), MARKER, thousandsPerSecond);
  }

  SentCounters counters() {
    return counters;
  }

  /**
   * Ends the traffic. Nothing was seen in clear, and the capture would have seen it.
   *
   * @throws AssertionError if something was
   */
  Outcome finish() {
    ping.signal("INT");
    ping.awaitEnd(Commands.PATIENCE);
    NumberedFlow.Outcome first = there.finish();
    NumberedFlow.Outcome second = back.finish();
    assertEquals(0, capture.stop(), "packets that the capture did not see");
    assertEquals(0, capture.seen(MARKER), "packets in clear");
    lab.assertCaptureSeesPacketsInClear(MARKER);
    assertNotEquals(0, counters.packets());
    return new Outcome(
        first.sent() + second.sent(), first.lost() + second.lost(), longestGap(ping.output()));
  }

  private static long longestGap(String output) {
    double last = Double.NaN;
    double longest = 0;
    for (var reply : REPLY.matcher(output).results().toList()) {
      double at = Double.parseDouble(reply.group(1));
      longest = Double.isNaN(last) ? 0 : Math.max(longest, at - last);
      last = at;
    }
    return Math.round(longest * 1000);
  }

  @Override
  public void close() {
    ping.close();
    there.close();
    back.close();
    capture.close();
  }
}
