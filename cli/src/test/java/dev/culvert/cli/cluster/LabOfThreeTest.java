// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code culvert lab --nodes 3}: it reports that every claim held. It measures no speed. */
@Tag("integration")
final class LabOfThreeTest {
  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @ParameterizedTest
  @ValueSource(strings = {"wireguard", "esp", "noise"})
  void allHoldsWithThreeNodesThroughEveryFault(String engine) throws IOException {
    Commands.Result result =
        Commands.attempt(
            Duration.ofMinutes(5),
            Map.of(),
            Culvert.command("lab", "--nodes", "3", "--engine", engine, "-o", "json"));
    assertTrue(result.succeeded(), result::toString);
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertTrue(report.get("held").asBoolean());
    JsonNode figures = report.get("figures");
    assertNotEquals(0, figures.get("markerInClearWithoutTunnel").asLong());
    assertTrue(figures.get("secondsFromRestartToTraffic").asDouble() > 0);
    assertTrue(figures.get("secondsFromNewKeyToTraffic").asDouble() > 0);
  }
}
