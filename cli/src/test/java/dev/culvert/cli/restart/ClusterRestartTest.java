// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.NumberedFlow;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A gateway whose configuration names nodes, so that its lanes classify each packet. */
@Tag("integration")
final class ClusterRestartTest {
  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void packetsOfAClusterAreClassifiedAsBeforeTheHandOver() throws IOException {
    try (TestLab lab = TestLab.unstarted()) {
      List<LabGateway> nodes = List.of(lab.gatewayA, lab.gatewayB);
      SideBySide.run(
          () -> lab.gatewayA.startInCluster(nodes), () -> lab.gatewayB.startInCluster(nodes));
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, Culvert.command());
      try (NumberedFlow flow =
          new NumberedFlow(
              lab.network.a.pod(),
              lab.network.b.pod(),
              lab.network.b.podAddress(),
              "through-the-cluster")) {
        a.replace();
        assertTrue(lab.podsReachEachOther());
        NumberedFlow.Outcome outcome = flow.finish();
        assertEquals(0, outcome.lost(), outcome::toString);
      }
    }
  }
}
