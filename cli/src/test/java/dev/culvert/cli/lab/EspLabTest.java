package dev.culvert.cli.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.interop.Culvert;
import dev.culvert.cli.interop.Requirements;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code culvert up} with {@code engine: esp}, two gateways and what pods say through them. */
@Tag("integration")
final class EspLabTest {
  private static final String MARKER = "never-in-clear-0";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  private static Capture capture(TestLab lab) {
    return Capture.start(lab.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER));
  }

  @Test
  void pingsAndTcpArriveUnchangedBothWaysInBothFamiliesAndNeverInClear() throws IOException {
    try (TestLab lab = new TestLab(LabEngine.ESP);
        Capture capture = capture(lab)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      for (String address : List.of(lab.network.b.podAddress(), lab.network.b.podAddressV6())) {
        arrivesUnchanged(lab.network.a, lab.network.b, address);
      }
      for (String address : List.of(lab.network.a.podAddress(), lab.network.a.podAddressV6())) {
        arrivesUnchanged(lab.network.b, lab.network.a, address);
      }
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      assertTrue(capture.packets() > 0);
    }
  }

  private static void arrivesUnchanged(LabSite from, LabSite to, String address) {
    try (LabFlow flow = new LabFlow(from.pod(), to.pod(), address, Duration.ofSeconds(1), MARKER)) {
      assertTrue(flow.arrivedUnchanged(), address);
      assertEquals(0, flow.pingLoss(), address);
    }
  }

  @Test
  void rotationsUnderNumberedPacketsLoseNoneAndLetNoneOutInClear() throws IOException {
    rotate(2);
  }

  @Test
  @Tag("soak")
  void twentyRotationsUnderNumberedPacketsLoseNoneAndLetNoneOutInClear() throws IOException {
    rotate(20);
  }

  private static void rotate(int rotations) throws IOException {
    try (TestLab lab = new TestLab(LabEngine.ESP)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      LabRotation rotation = new LabRotation(lab.network, lab.folder, lab.gatewayA, lab.gatewayB);
      try (Capture capture = capture(lab);
          NumberedFlow flow =
              new NumberedFlow(
                  lab.network.a.pod(), lab.network.b.pod(), lab.network.b.podAddress(), MARKER)) {
        for (int i = 0; i < rotations; i++) {
          rotation.rotate();
        }
        NumberedFlow.Outcome outcome = flow.finish();
        capture.stop();
        System.out.printf(
            "%d rotations: %d packets sent, %d lost, %d in clear, %d captured%n",
            rotations, outcome.sent(), outcome.lost(), capture.seen(MARKER), capture.packets());
        assertEquals(0, outcome.lost());
        assertEquals(0, capture.seen(MARKER));
        assertNotEquals(0, outcome.sent());
        assertNotEquals(0, capture.packets());
      }
      theDetectorSeesWhatIsInClear(lab);
    }
  }

  /** The control: the same flow from node to node, past the tunnel. */
  private static void theDetectorSeesWhatIsInClear(TestLab lab) {
    try (Capture capture = capture(lab);
        NumberedFlow flow =
            new NumberedFlow(
                lab.network.a.node(), lab.network.b.node(), lab.network.b.wireAddress(), MARKER)) {
      Waiting.pause(Duration.ofMillis(500));
      NumberedFlow.Outcome outcome = flow.finish();
      capture.stop();
      assertEquals(outcome.sent(), capture.seen(MARKER));
      assertNotEquals(0, outcome.sent());
    }
  }

  @Test
  void theCommandsShowAndRotateWhatRuns() throws IOException {
    try (TestLab lab = new TestLab(LabEngine.ESP)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      String name = lab.network.a.interfaceName();
      JsonNode sas = new ObjectMapper().readTree(run(lab, "sas", name, "-o", "json"));
      JsonNode out = sas.get(0).get("esp").get("securityAssociations").get(0);
      assertEquals("out", out.get("direction").asText());
      assertTrue(out.get("packets").asLong() > 0);
      String file = LabEngine.keyFile(lab.network.a, lab.folder).toString();
      assertTrue(run(lab, "key", "rotate", file).contains("key 2 is in " + file));
      assertTrue(
          Waiting.until(
              Commands.PATIENCE,
              () ->
                  Objects.requireNonNull(
                              Objects.requireNonNull(lab.gatewayA.status().orElseThrow().esp())
                                  .globalKey())
                          .published()
                      == 2));
      assertTrue(lab.podsReachEachOther(), "under the key that both have");
      assertTrue(run(lab, "sas", name).contains("publishes key 2"));
      assertTrue(run(lab, "status", name).contains("esp"));
      assertTrue(run(lab, "peers", name).contains("node-b"));
      Files.writeString(LabEngine.keyFile(lab.network.a, lab.folder), "nonsense\n");
      lab.gatewayA.daemon().awaitOutput(file + ":1: ");
      assertTrue(lab.podsReachEachOther(), "the keys in use stay");
      assertFalse(lab.gatewayA.daemon().output().contains("nonsense"));
      run(lab, "down", name);
      assertEquals(0, lab.gatewayA.daemon().awaitEnd(Commands.PATIENCE));
    }
  }

  private static String run(TestLab lab, String... arguments) {
    return lab.network
        .a
        .node()
        .attempt(Commands.PATIENCE, Map.of(), Culvert.command(arguments))
        .orThrow()
        .out();
  }
}
