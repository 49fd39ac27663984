// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code culvert lab}, as a newcomer runs it. */
@Tag("integration")
@Tag("alone")
final class LabCommandTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  /** Whatever on this machine still carries the lab's number. */
  private static List<String> remains(long id) throws IOException {
    List<String> remains = new ArrayList<>();
    Predicate<String> ofThisLab = Pattern.compile("(cvl|lab-)" + id + "(?!\\d)").asPredicate();
    Namespaces.existing(LabNetwork.PREFIX + id + "-").forEach(ns -> remains.add(ns.name()));
    for (Path folder : List.of(AdminServer.DIRECTORY, UapiServer.DIRECTORY)) {
      if (Files.isDirectory(folder)) {
        try (var files = Files.list(folder)) {
          files.map(String::valueOf).filter(ofThisLab).forEach(remains::add);
        }
      }
    }
    ProcessHandle.allProcesses()
        .map(process -> process.info().commandLine().orElse(""))
        .filter(ofThisLab)
        .forEach(remains::add);
    return remains;
  }

  @Test
  void allHoldsAndIsReportedAndNothingIsLeftBehind() throws IOException {
    List<String> command =
        Culvert.compiled("lab", "--engine", "esp", "--duration", "2", "-o", "json");
    try (Daemon lab = Daemon.start(Map.of(), command)) {
      assertEquals(0, lab.awaitEnd(PATIENCE), lab::output);
      JsonNode report = new ObjectMapper().readTree(reportOf(lab));
      assertTrue(report.get("held").asBoolean());
      JsonNode figures = report.get("figures");
      assertEquals(0, figures.get("packetsLostInRotation").asLong());
      assertEquals(0, figures.get("markerInClearInRotation").asLong());
      assertEquals(0, figures.get("markerInClearThroughTunnel").asLong());
      assertEquals(0, figures.get("markerInClearAfterCrash").asLong());
      assertNotEquals(0, figures.get("markerInClearWithoutTunnel").asLong());
      assertNotEquals(0, figures.get("packetsOnTheWire").asLong());
      assertEquals(List.of(), remains(lab.pid()));
    }
  }

  /** The report comes last, after all that went to standard error. */
  private static String reportOf(Daemon lab) {
    return lab.output().substring(lab.output().indexOf("\n{\n") + 1);
  }

  @Test
  void anInterruptLeavesNothingBehind() throws IOException {
    // A shell's background process ignores the interrupt, and so would all that it starts.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(Culvert.command("lab", "--duration", "60"));
    try (Daemon lab = Daemon.start(Map.of(), command)) {
      lab.await("traffic", PATIENCE, () -> lab.output().contains("round trip"));
      assertNotEquals(List.of(), remains(lab.pid()));
      Set<String> numbers =
          Namespaces.existing(LabNetwork.PREFIX + lab.pid() + "-").stream()
              .map(Namespace::number)
              .collect(Collectors.toSet());
      lab.signal("INT");
      assertNotEquals(0, lab.awaitEnd(PATIENCE), lab::output);
      assertEquals(List.of(), remains(lab.pid()));
      assertEquals(List.of(), Namespaces.inhabitants(numbers));
    }
  }

  @Test
  void cleaningLeavesALabWhoseProcessLives() throws IOException {
    try (TestLab lab = new TestLab()) {
      Commands.attempt(PATIENCE, Map.of(), Culvert.command("lab", "--clean")).orThrow();
      assertTrue(lab.gatewayA.daemon().isAlive());
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    }
  }

  @Test
  void allHoldsInALabThatIsKeptUntilItIsCleaned() throws IOException {
    try (Daemon lab = Daemon.start(Map.of(), Culvert.command("lab", "--duration", "2", "--keep"))) {
      assertEquals(0, lab.awaitEnd(PATIENCE), lab::output);
      assertTrue(lab.output().contains("All held"), lab::output);
      long id = lab.pid();
      try {
        Namespace pod = new Namespace(LabNetwork.PREFIX + id + "-pod-a");
        assertTrue(
            pod.attempt("ping", "-n", "-c", "1", "-W", Crowd.seconds(2), "10.42.2.10").succeeded());
        assertTrue(lab.output().contains("ip netns exec " + pod.name()), lab::output);
      } finally {
        Commands.attempt(PATIENCE, Map.of(), Culvert.command("lab", "--clean")).orThrow();
      }
      assertEquals(List.of(), remains(id));
    }
  }
}
