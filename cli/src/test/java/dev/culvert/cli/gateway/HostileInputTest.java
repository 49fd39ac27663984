// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Pings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A stranger on the wire sends 10,000 bad datagrams per second, fewer on a crowded machine; the
 * tunnel does not mind.
 */
@Tag("integration")
final class HostileInputTest {
  private static final int PER_SECOND = 10_000;

  @TempDir Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void theTunnelLivesThroughAFlood() throws IOException {
    flood(Duration.ofSeconds(3));
  }

  @Test
  @Tag("soak")
  void theTunnelLivesThroughALongFlood() throws IOException {
    flood(Duration.ofSeconds(10));
  }

  private void flood(Duration duration) throws IOException {
    try (TestLab lab = new TestLab()) {
      Path samples = Attacker.capturedDatagrams(lab, folder);
      Namespace attacker = Attacker.namespace(lab.network);
      Map<String, Long> before = TestLab.drops(lab.gatewayA);
      int pings = (int) (duration.toMillis() / 200);
      try (Daemon ping =
              Pings.start(lab.network.b.pod(), pings, "0.2", lab.network.a.podAddress());
          Daemon flood =
              attacker.start(
                  Map.of(),
                  Attacker.command(
                      lab.network.a.wireAddress(),
                      Crowd.share(PER_SECOND),
                      duration.toSeconds(),
                      samples))) {
        assertEquals(0, flood.awaitEnd(duration.plus(Commands.PATIENCE)), flood::output);
        ping.awaitEnd(Commands.PATIENCE);
        long sent = Long.parseLong(flood.awaitLine("sent "));
        Map<String, Long> counted = difference(TestLab.drops(lab.gatewayA), before);
        System.out.printf("%d hostile datagrams in %s: %s%n", sent, duration, counted);
        System.out.println(ping.output().lines().filter(l -> l.contains("loss")).toList());
        assertTrue(Pings.allAnswered(ping.output(), pings), ping::output);
        everyKindIsCounted(counted, sent);
      }
      assertTrue(lab.podsReachEachOther(), "afterwards");
      assertTrue(lab.gatewayA.daemon().isAlive());
    }
  }

  private static void everyKindIsCounted(Map<String, Long> counted, long sent) {
    long all = counted.values().stream().mapToLong(Long::longValue).sum();
    assertTrue(all > sent * 9 / 10, () -> "dropped without a reason: " + (sent - all));
    for (String reason :
        List.of("unknown_type", "bad_length", "unknown_index", "bad_tag", "replayed", "bad_mac1")) {
      assertTrue(counted.getOrDefault(reason, 0L) > 0, () -> reason + " in " + counted);
    }
  }

  private static Map<String, Long> difference(Map<String, Long> after, Map<String, Long> before) {
    Map<String, Long> difference = new TreeMap<>(after);
    before.forEach((reason, count) -> difference.merge(reason, -count, Long::sum));
    difference.values().removeIf(count -> count == 0);
    return difference;
  }
}
