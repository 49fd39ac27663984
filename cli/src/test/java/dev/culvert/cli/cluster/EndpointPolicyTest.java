// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.Way;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A cluster whose nodes turn from one pair of SAs for each pair of them to one SA for each range.
 */
@Tag("integration")
final class EndpointPolicyTest {
  private static final String MARKER = "never-in-clear-0";

  @Test
  void everyRangeHasAnSaOfItsOwnAndNothingIsInClearMeanwhile() throws IOException {
    Requirements.namespaces();
    try (TestCluster cluster = new TestCluster(LabEngine.ESP)) {
      cluster.start();
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      try (Capture capture = cluster.provenCapture(MARKER)) {
        for (LabGateway gateway : cluster.gateways) {
          String yaml = Files.readString(gateway.configuration());
          LabFiles.writePrivate(
              gateway.configuration(), yaml.replace("  esp:\n", "  esp:\n    policy: endpoint\n"));
          cluster.culvert(0, "reload", gateway.site().interfaceName()).orThrow();
          Way.all().forEach(way -> way.send(cluster, true, MARKER));
        }
        assertTrue(cluster.podsReachEachOther(), cluster::state);
        Way.all().forEach(way -> way.send(cluster, true, MARKER));
        Way.all().forEach(way -> way.send(cluster, false, MARKER));
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
      String name = cluster.site(0).interfaceName();
      Commands.Result shown = cluster.culvert(0, "sas", name, "-o", "json").orThrow();
      Set<String> spis = new HashSet<>();
      for (JsonNode sa :
          new ObjectMapper().readTree(shown.out()).get(0).get("esp").get("securityAssociations")) {
        assertTrue(spis.add(sa.get("spi").asText()), shown.out());
      }
      // Two peers; each way two addresses of the node and two ranges of pods.
      assertEquals(2 * 2 * 4, spis.size(), shown.out());
    }
  }
}
