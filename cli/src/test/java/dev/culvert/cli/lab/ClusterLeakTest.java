package dev.culvert.cli.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.interop.Requirements;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What must not cross the wire in clear, each way of it in both families. Before the gateways start
 * every one of them is sent and seen: the capture sees, and there is a way in clear.
 */
@Tag("integration")
final class ClusterLeakTest {
  private static TestCluster cluster;

  static List<Way> ways() {
    return Way.all();
  }

  @BeforeAll
  static void control() throws IOException {
    Requirements.namespaces();
    cluster = new TestCluster();
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

  private static String marker(Way way, boolean v4) {
    return "never-in-clear-%08x".formatted((way.name() + v4).hashCode());
  }

  @AfterAll
  static void remove() {
    if (cluster != null) {
      cluster.close();
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
}
