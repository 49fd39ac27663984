// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabGlobalKey;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabRotation;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.NumberedFlow;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code culvert up} with {@code engine: esp}, two gateways and traffic of pods through them. */
@Tag("integration")
final class EspLabTest {
  private static final String MARKER = "never-in-clear-0";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void pingsAndTcpArriveUnchangedBothWaysInBothFamiliesAndNeverInClear() throws IOException {
    try (TestLab lab = new TestLab(LabEngine.ESP);
        Capture capture = lab.capture(MARKER)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      lab.assertPodsExchangeUnchanged(MARKER);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      assertTrue(capture.packets() > 0);
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
      try (Capture capture = lab.capture(MARKER);
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
      lab.assertCaptureSeesPacketsInClear(MARKER);
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
      String file = LabGlobalKey.file(lab.network.a, lab.folder).toString();
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
      Files.writeString(LabGlobalKey.file(lab.network.a, lab.folder), "nonsense\n");
      lab.gatewayA.daemon().awaitOutput(file + ":1: ");
      assertTrue(lab.podsReachEachOther(), "the keys in use stay");
      assertFalse(lab.gatewayA.daemon().output().contains("nonsense"));
      run(lab, "down", name);
      assertEquals(0, lab.gatewayA.daemon().awaitEnd(Commands.PATIENCE));
    }
  }

  @Test
  void aGatewayThatWasKilledHasKeysAgainUnderAFloodInItsName() throws IOException {
    try (TestLab lab = new TestLab(LabEngine.ESP)) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      try (Daemon flood = forgedHellos(lab.network, 10_000)) {
        assertTrue(
            Waiting.until(Commands.PATIENCE, () -> forgedSeen(lab.gatewayA) > 10_000),
            flood::output);
        lab.gatewayB.kill();
        lab.gatewayB.start(lab.gatewayA);
        long begin = System.nanoTime();
        long before = forgedSeen(lab.gatewayA);
        assertTrue(Waiting.until(Commands.PATIENCE, () -> sends(lab.gatewayB)));
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
        System.out.printf(
            "keys %d ms after the gateway answered, with %d forged messages since and to the end%n",
            millis, forgedSeen(lab.gatewayA) - before);
        assertTrue(flood.isAlive());
      }
    }
  }

  /** For whatever reason they were dropped. */
  private static long forgedSeen(LabGateway gateway) {
    return TestLab.drops(gateway).values().stream().mapToLong(Long::longValue).sum();
  }

  private static boolean sends(LabGateway gateway) {
    return Objects.requireNonNull(gateway.status().orElseThrow().esp())
        .securityAssociations()
        .stream()
        .anyMatch(sa -> sa.direction().equals("out"));
  }

  /** Sends gateway A hellos in the name of gateway B: well-formed, and made by nobody. */
  private static Daemon forgedHellos(LabNetwork network, int perSecond) {
    String link =
        network.a.node().run("ip", "-o", "link", "show", "dev", LabSite.WIRE_DEVICE).out();
    String mac = link.replaceAll("(?s).*link/ether (\\S+).*", "$1");
    return network.wire.start(
        Map.of(),
        List.of(
            "python3",
            "-uc",
            """
            import os, socket, struct, sys, time
            device, mac, source, target, rate = sys.argv[1:]
            k = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            k.bind((device, 0))
            ether = bytes.fromhex(mac.replace(':', '')) + b'\\x02\\0\\0\\0\\0\\x09\\x08\\0'
            message = b'\\0\\0\\0\\0CUL\\1\\1\\1\\1\\0\\0\\2\\0\\0'
            ends = socket.inet_aton(source) + socket.inet_aton(target)
            ip = struct.pack('>BBHHHBBH', 0x45, 0, 108, 0, 0, 64, 17, 0) + ends
            total = sum(struct.unpack('>10H', ip))
            total = (total & 65535) + (total >> 16)
            ip = ip[:10] + struct.pack('>H', ~total & 65535) + ip[12:]
            udp = struct.pack('>HHHH', 4500, 4500, 88, 0)
            start = time.monotonic()
            sent = 0
            while True:
              if sent >= (time.monotonic() - start) * int(rate):
                time.sleep(0.001)
                continue
              k.send(ether + ip + udp + message + os.urandom(16) + bytes(16) + os.urandom(32))
              sent += 1
            """,
            LabNetwork.BRIDGE,
            mac,
            network.b.wireAddress(),
            network.a.wireAddress(),
            Integer.toString(perSecond)));
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
