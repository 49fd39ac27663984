// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.Way;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No kind of cluster traffic crosses the wire in clear, in either family. Before the gateways start
 * each kind is sent and the capture sees it: so the capture works, and there is a way in clear.
 */
@Tag("integration")
@ParameterizedClass
@EnumSource(LabEngine.class)
final class ClusterLeakTest {
  /** Its node has no route to it but the default route; others reach it through that node. */
  private static final Way GONE =
      new Way("a pod that is gone", 1, true, "10.42.1.99", "fd42:1::99", 9, 0);

  private static final Way GONE_HERE =
      new Way("node to a pod of its own that is gone", 0, false, "10.42.1.99", "fd42:1::99", 9, 0);

  private static @Nullable TestCluster running;
  private final TestCluster cluster;

  static List<Way> ways() {
    List<Way> ways = new ArrayList<>(Way.all());
    ways.addAll(List.of(GONE, GONE_HERE));
    return ways;
  }

  ClusterLeakTest(LabEngine engine) {
    cluster = Objects.requireNonNull(running, engine::toString);
  }

  @BeforeParameterizedClassInvocation
  static void control(LabEngine engine) throws IOException {
    Requirements.namespaces();
    TestCluster cluster = new TestCluster(engine);
    running = cluster;
    routePerPod(cluster.site(0));
    for (Way way : ways()) {
      for (boolean v4 : new boolean[] {true, false}) {
        String marker = marker(way, v4);
        try (Capture capture =
            Capture.start(cluster.network.wire, LabNetwork.BRIDGE, "", List.of(marker))) {
          capture.prove(marker, () -> way.send(cluster, v4, marker));
        }
      }
    }
    cluster.start();
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  /** As some network plugins do; others have a route for the range of a node. */
  private static void routePerPod(LabSite site) {
    for (String range : site.podCidrs()) {
      site.node().ip("route", "del", range, "dev", "pod0");
    }
    site.node().route(site.podAddress() + "/32", "dev", "pod0");
    site.node().route(site.podAddressV6() + "/128", "dev", "pod0");
  }

  private static String marker(Way way, boolean v4) {
    return "never-in-clear-%08x".formatted((way.name() + v4).hashCode());
  }

  @AfterParameterizedClassInvocation
  static void remove() {
    if (running != null) {
      running.close();
      running = null;
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void isNotSeenOnTheWire(Way way) {
    for (boolean v4 : new boolean[] {true, false}) {
      String marker = marker(way, v4);
      try (Capture capture = cluster.provenCapture(marker)) {
        way.send(cluster, v4, marker);
        capture.stop();
        assertEquals(0, capture.seen(marker), v4 ? "IPv4" : "IPv6");
      }
    }
  }

  @Test
  void aPodThatIsMasqueradedIsNotSeenOnTheWire() {
    Namespace node = cluster.site(0).node();
    node.run(
        "nft",
        "add table ip masq; add chain ip masq p { type nat hook postrouting priority"
            + " 100; }; add rule ip masq p ip saddr 10.42.1.0/24 ip daddr != 10.42.0.0/16 masquerade");
    try (Capture capture = cluster.provenCapture("never-masqueraded")) {
      for (int port : new int[] {9, 6443}) {
        TestCluster.send(cluster.site(0).pod(), "192.0.2.2", port, 0, "never-masqueraded");
      }
      capture.stop();
      assertEquals(0, capture.seen("never-masqueraded"));
      assertTrue(TestCluster.pings(cluster.site(0).pod(), "192.0.2.2"), "it arrives all the same");
    } finally {
      node.run("nft", "delete", "table", "ip", "masq");
    }
  }
}
