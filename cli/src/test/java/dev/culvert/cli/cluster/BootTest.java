// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import dev.culvert.tunnel.lane.LaneCounter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A node that boots: {@code culvert guard}, then the network, then {@code culvert up}. */
@Tag("integration")
final class BootTest {
  private static final String MARKER = "never-in-clear-0";
  private static final String CANARY = "always-in-clear0";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void nothingLeavesInClearFromBeforeTheNetworkUntilTheGatewayIsUp() throws Exception {
    try (TestLab lab = TestLab.unstarted()) {
      LabSite a = lab.network.a;
      network(a, lab.network.b);
      try (Capture unguarded = capture(lab)) {
        unguarded.prove(MARKER, () -> lab.sendToPodB(MARKER));
      }
      a.node().ip("addr", "flush", "dev", LabSite.WIRE_DEVICE);
      a.node().ip("link", "set", LabSite.WIRE_DEVICE, "down");
      a.node().ip("link", "set", "lo", "down");
      Path file = lab.gatewayA.configuration();
      LabFiles.writePrivate(file, LabEngine.WIREGUARD.yaml(a, lab.network.b, lab.folder));
      // Before the network, no name resolves.
      Files.writeString(
          file,
          Files.readString(file)
              .replace(
                  "endpoint: " + lab.network.b.wireAddress(), "endpoint: no-such-name.invalid"));
      guard(a, file);

      try (Capture capture = capture(lab)) {
        a.node().ip("link", "set", "lo", "up");
        network(a, lab.network.b);
        capture.prove(
            CANARY,
            () -> Traffic.send(a.node(), "udp-text", lab.network.b.wireAddress(), "9001", CANARY));
        AtomicBoolean up = new AtomicBoolean();
        Thread sender =
            Thread.ofPlatform()
                .start(
                    () -> {
                      do {
                        lab.sendToPodB(MARKER);
                      } while (!up.get());
                    });
        lab.gatewayA.start(lab.gatewayB);
        lab.gatewayB.start(lab.gatewayA);
        assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), "encrypted");
        up.set(true);
        sender.join();
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
      assertTrue(TestLab.traffic(lab.gatewayA).count(LaneCounter.PACKETS_SENT) > 0);
    }
  }

  private static Capture capture(TestLab lab) {
    return Capture.start(lab.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER, CANARY));
  }

  private static void guard(LabSite site, Path file) throws IOException {
    site.node()
        .attempt(Commands.PATIENCE, Map.of(), Culvert.command("guard", file.toString()))
        .orThrow();
    assertTrue(site.node().run("nft", "list", "tables").out().contains("inet culvert"));
  }

  /** The wire with its addresses, and a way to the other's pods in clear. */
  private static void network(LabSite site, LabSite other) {
    site.node().ip("link", "set", LabSite.WIRE_DEVICE, "up");
    site.node().ip("addr", "replace", site.wireAddress() + "/24", "dev", LabSite.WIRE_DEVICE);
    site.node()
        .ip("addr", "replace", site.wireAddressV6() + "/64", "dev", LabSite.WIRE_DEVICE, "nodad");
    site.routeInClear(other);
  }
}
