// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code culvert lab --kubernetes}: daemons that find each other through a real API server. */
@Tag("integration")
@Tag("kubernetes")
final class LabKubernetesTest {
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  /** The launcher gives it. */
  private static final Map<String, String> CHECKOUT =
      Map.of("CULVERT_CHECKOUT", Culvert.launcher("").toString());

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.kubernetes();
  }

  @Test
  void nodesFindEachOtherThroughTheApiAndAllHoldsThroughEveryFault() throws IOException {
    Commands.Result result =
        Commands.attempt(PATIENCE, CHECKOUT, Culvert.command("lab", "--kubernetes", "-o", "json"));
    assertTrue(result.succeeded(), result::toString);
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertTrue(report.get("held").asBoolean());
    assertNotEquals(0, report.at("/figures/markerInClearWithoutTunnel").asLong());
    assertTrue(report.at("/figures/secondsFromAcceptedKeyToTraffic").asDouble() > 0);
  }

  @Test
  void anInterruptEndsTheControlPlaneAndDeletesItsKeys() {
    // A process that a shell starts in the background ignores the interrupt.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(Culvert.command("lab", "--kubernetes"));
    try (Daemon lab = Daemon.start(CHECKOUT, command)) {
      Path folder = AdminServer.DIRECTORY.resolve(LabNetwork.PREFIX + lab.pid());
      lab.await("the API", PATIENCE, () -> lab.output().contains("control:"));
      assertTrue(Files.exists(folder.resolve("control-plane/authority.key")));
      lab.signal("INT");
      lab.awaitEnd(PATIENCE);
      assertFalse(Files.exists(folder), lab::output);
      assertEquals(List.of(), Namespaces.existing(LabNetwork.PREFIX + lab.pid() + "-"));
      assertEquals(
          List.of(),
          ProcessHandle.allProcesses()
              .map(process -> process.info().commandLine().orElse(""))
              .filter(line -> line.contains(folder.toString()))
              .toList());
    }
  }
}
