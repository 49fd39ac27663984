// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code culvert up --replace} beside a gateway that runs, under traffic both ways. */
@Tag("integration")
final class HotRestartTest {
  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("curl");
  }

  @ParameterizedTest
  @EnumSource(LabEngine.class)
  void aHandOverLosesNoPacketAndEverythingGoesOn(LabEngine engine) throws IOException {
    try (TestLab lab = new TestLab(engine)) {
      TestLab.observe(lab.gatewayA, "127.0.0.1");
      TestLab.observe(lab.gatewayB, "127.0.0.1");
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, Culvert.command());
      ReplacedGateway b = new ReplacedGateway(lab.gatewayB, Culvert.command());
      try (WatchedTraffic traffic = WatchedTraffic.start(lab, engine)) {
        long handshakes = traffic.counters().handshakeMessages();
        replaceOnce(a);
        SideBySide.run(() -> replaceOnce(a), () -> replaceOnce(b));
        assertEquals(2, handedOver(a));
        assertEquals(1, handedOver(b));
        WatchedTraffic.Outcome outcome = traffic.finish();
        System.out.println(engine + ": " + outcome + ", " + traffic.counters());
        assertEquals(0, outcome.lost(), outcome::toString);
        assertEquals(0, traffic.counters().repeats(), traffic.counters()::toString);
        assertEquals(handshakes, traffic.counters().handshakeMessages());
      }
    }
  }

  private static void replaceOnce(ReplacedGateway gateway) {
    GatewayFacts before = GatewayFacts.of(gateway.site(), true);
    gateway.replace();
    GatewayFacts.of(gateway.site(), true).assertContinues(before);
  }

  private static double handedOver(ReplacedGateway gateway) {
    return GatewayFacts.metrics(gateway.site().node()).entrySet().stream()
        .filter(entry -> entry.getKey().startsWith("culvert_handover_total"))
        .filter(entry -> entry.getKey().contains("result=\"ok\""))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }
}
