package dev.culvert.cli.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.interop.Requirements;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Marked packets of every kind while gateways are killed, stopped and lose their keys, and rules,
 * guard and device are taken away: none is seen on the wire. The same without gateways is seen.
 */
@Tag("integration")
final class LeakUnderFaultsTest {
  private static final String MARKER = "never-in-clear-0";
  private static final Duration FLOOD = Duration.ofMinutes(20);

  @ParameterizedTest
  @EnumSource
  void noPacketIsSeenThroughTheFaults(LabEngine engine) throws IOException {
    leaks(engine, 500);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("soak")
  void noPacketOfAMillionIsSeenThroughTheFaults(LabEngine engine) throws IOException {
    leaks(engine, 60_000);
  }

  private static void leaks(LabEngine engine, int packetsEachWay) throws IOException {
    Requirements.namespaces();
    try (TestCluster cluster = new TestCluster(engine)) {
      assertTrue(flood(cluster, 20, () -> {}) > 0, "the control is seen");
      cluster.start();
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      long seen = flood(cluster, packetsEachWay, () -> faults(cluster));
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      System.out.printf(
          "FIGURE %d packets sent through the faults, %d seen in clear%n",
          2 * Way.all().size() * packetsEachWay, seen);
      assertEquals(0, seen);
    }
  }

  /** Sends on all ways at once, and counts the markers on the wire. */
  private static long flood(TestCluster cluster, int packetsEachWay, Runnable meanwhile) {
    try (Capture capture =
        Capture.start(cluster.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER))) {
      List<Daemon> floods = new ArrayList<>();
      for (Way way : Way.all()) {
        floods.add(way.flood(cluster, true, MARKER, packetsEachWay));
        floods.add(way.flood(cluster, false, MARKER, packetsEachWay));
      }
      meanwhile.run();
      for (Daemon flood : floods) {
        assertEquals(0, flood.awaitEnd(FLOOD), flood::output);
      }
      assertEquals(0, capture.stop(), "packets that the capture lost");
      return capture.seen(MARKER);
    }
  }

  private static void faults(TestCluster cluster) {
    LabGateway a = cluster.gateways.get(0);
    LabGateway b = cluster.gateways.get(1);
    Namespace node = a.site().node();
    a.kill();
    a.startInCluster(cluster.gateways);
    b.daemon().signal("STOP");
    Waiting.pause(Duration.ofMillis(500));
    b.daemon().signal("CONT");
    node.run("nft", "flush", "ruleset");
    Waiting.pause(Duration.ofMillis(500));
    for (String family : List.of("-4", "-6")) {
      node.ip(family, "rule", "flush");
      node.ip(family, "rule", "add", "priority", "32766", "lookup", "main");
    }
    Waiting.pause(Duration.ofMillis(500));
    b.site().node().ip("link", "delete", b.site().interfaceName());
    b.daemon().awaitEnd(Commands.PATIENCE);
    b.startInCluster(cluster.gateways);
  }
}
