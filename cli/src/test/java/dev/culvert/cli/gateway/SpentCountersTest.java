// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestPrometheus;
import dev.culvert.cli.kit.TestPrometheus.Target;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gateway whose manual key has few sequence numbers left says so while packets still pass. */
@Tag("integration")
@Tag("soak")
final class SpentCountersTest {
  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("prometheus");
    Requirements.tool("curl");
  }

  @Test
  void aKeyWithFewSequenceNumbersLeftIsAnAlert() throws Exception {
    try (EspPair pair = new EspPair(false);
        UpPair gateways =
            new UpPair(
                pair,
                Keys.MANUAL_SPENT,
                List.of("esn: false"),
                text -> text.replaceFirst("\nspec:\n", "\nspec:\n  observability: {}\n"));
        TestPrometheus prometheus =
            new TestPrometheus(
                pair.ours,
                folder,
                List.of(Target.plain("a", "127.0.0.1")),
                OperatorFiles.quickRules(folder))) {
      EspPair.ping(pair.ours, EspPair.OUR_V4, EspPair.PEER_V4);
      prometheus.awaitFiring("CulvertCountersSpent", "a");
      EspPair.ping(pair.ours, EspPair.OUR_V4, EspPair.PEER_V4);
      assertTrue(gateways.ours.isAlive(), gateways::output);
    }
  }
}
