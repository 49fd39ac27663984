// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code culvert up} with {@code keying: noise}, two gateways and traffic of pods through them. */
@Tag("integration")
final class NoiseLabTest {
  private static final String MARKER = "never-in-clear-1";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void pingsAndTcpArriveUnchangedBothWaysInBothFamiliesAndNeverInClear() throws IOException {
    try (TestLab lab = new TestLab(LabEngine.NOISE);
        Capture capture = lab.capture(MARKER)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      lab.assertPodsExchangeUnchanged(MARKER);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      assertTrue(capture.packets() > 0);
      lab.assertCaptureSeesPacketsInClear(MARKER);
    }
  }

  @Test
  void aPresharedKeyIsTakenOverWithAReloadAndTheCommandsShowWhatRuns() throws IOException {
    try (TestLab lab = new TestLab(LabEngine.NOISE)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      String name = lab.network.a.interfaceName();
      assertNotNull(TestLab.onlyPeer(lab.gatewayA).lastHandshake());
      JsonNode sas = new ObjectMapper().readTree(run(lab, "sas", name, "-o", "json"));
      JsonNode out = sas.get(0).get("esp").get("securityAssociations").get(0);
      assertEquals("rfc4106(gcm(aes))-256", out.get("algorithm").asText());
      assertTrue(out.get("packets").asLong() > 0);
      String publicKey = Files.readString(lab.folder.resolve("node-a.pub"));
      String status = run(lab, "status", name);
      assertTrue(status.contains(publicKey), status);
      assertTrue(status.contains("1, 1 with a handshake"), status);
      assertTrue(run(lab, "peers", name).contains("node-b"));

      LabFiles.writePrivate(lab.folder.resolve("psk"), run(lab, "key", "psk"));
      addPresharedKey(lab.gatewayA);
      addPresharedKey(lab.gatewayB);
      run(lab, "reload", name);
      run(lab, "reload", lab.network.b.interfaceName());
      assertTrue(TestLab.onlyPeer(lab.gatewayA).presharedKey());
      assertTrue(lab.podsReachEachOther(), "the keys in use stay");

      lab.gatewayB.kill();
      lab.gatewayB.start(lab.gatewayA); // from a file without the preshared key
      assertFalse(lab.podsReachEachOther(), "the key counts from the next handshake on");
      addPresharedKey(lab.gatewayB);
      run(lab, "reload", lab.network.b.interfaceName());
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    }
  }

  private static void addPresharedKey(LabGateway gateway) throws IOException {
    String before = Files.readString(gateway.configuration());
    LabFiles.writePrivate(
        gateway.configuration(),
        before.replace("publicKey:", "presharedKeyFile: psk\n      publicKey:"));
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
