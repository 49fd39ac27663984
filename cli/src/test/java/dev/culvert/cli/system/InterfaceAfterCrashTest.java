// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.ServiceManagerProcess;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * If a service manager keeps the queues, the interface outlives a crash with its index, addresses
 * and routes; nothing leaves in clear meanwhile, and the next process continues it.
 */
@Tag("integration")
final class InterfaceAfterCrashTest {
  private static final String MARKER = "never-in-clear-2";
  private static final String CONTINUED = "goes on with the interface of the process before";

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("nft");
    Requirements.needs(
        Files.isExecutable(Path.of(ServiceManagerProcess.PYTHON)),
        ServiceManagerProcess.PYTHON + " is not installed");
  }

  private ServiceManagerProcess start(TestLab lab, LabEngine engine, boolean keeps)
      throws IOException {
    LabSite site = lab.network.a;
    Path file = lab.gatewayA.configuration();
    Files.writeString(file, engine.yaml(site, lab.network.b, lab.folder));
    ServiceManagerProcess manager =
        new ServiceManagerProcess(
            site.node(), folder, keeps, Culvert.command("up", file.toString()));
    lab.gatewayB.start(lab.gatewayA);
    awaitTraffic(lab, manager);
    return manager;
  }

  private static void awaitTraffic(TestLab lab, ServiceManagerProcess manager) {
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), manager::output);
  }

  private static String shown(TestLab lab, String... words) {
    return lab.network.a.node().run(words).out();
  }

  /** The interface with its index and addresses; empty if there is none. */
  private static String addresses(TestLab lab) {
    return lab.network
        .a
        .node()
        .attempt("ip", "-o", "address", "show", "dev", lab.network.a.interfaceName())
        .out();
  }

  private static String index(TestLab lab) {
    return shown(lab, "ip", "-o", "link", "show", lab.network.a.interfaceName()).split(":", -1)[0];
  }

  private static String routes(TestLab lab) {
    String device = lab.network.a.interfaceName();
    return shown(lab, "ip", "route", "show", "table", "all", "dev", device)
        + shown(lab, "ip", "-6", "route", "show", "table", "all", "dev", device);
  }

  @ParameterizedTest
  @EnumSource(LabEngine.class)
  void theNextProcessContinuesTheInterfaceAndDownEndsIt(LabEngine engine) throws Exception {
    try (TestLab lab = TestLab.unstarted(engine);
        ServiceManagerProcess manager = start(lab, engine, true)) {
      String index = index(lab);
      String addresses = addresses(lab);
      String routes = routes(lab);
      assertFalse(routes.isEmpty());
      try (Capture capture = lab.capture(MARKER)) {
        manager.killProgram();
        lab.sendToPodB(MARKER);
        assertEquals(index, index(lab), "no process serves it now");
        assertEquals(routes, routes(lab));
        assertTrue(manager.awaitStart(2) > 0, manager::output);
        assertTrue(
            Waiting.until(
                Commands.PATIENCE,
                () -> {
                  lab.sendToPodB(MARKER);
                  return manager.output().contains(CONTINUED);
                }),
            manager::output);
        awaitTraffic(lab, manager);
        lab.sendToPodB(MARKER);
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
      lab.assertCaptureSeesPacketsInClear(MARKER);
      assertEquals(index, index(lab));
      assertEquals(addresses, addresses(lab));
      assertEquals(routes, routes(lab));
      assertFalse(manager.output().contains("; 0 packets that waited"), "they are too old");
      lab.network
          .a
          .node()
          .run(Culvert.command("down", lab.network.a.interfaceName()).toArray(String[]::new));
      manager.await("ended well");
      manager.await("keeps 0");
      assertTrue(Waiting.until(Duration.ofSeconds(5), () -> addresses(lab).isEmpty()));
      assertFalse(shown(lab, "nft", "list", "tables").contains("culvert"));
    }
  }

  @Test
  void withoutAStoreTheInterfaceIsAnotherOne() throws Exception {
    try (TestLab lab = TestLab.unstarted();
        ServiceManagerProcess manager = start(lab, LabEngine.WIREGUARD, false)) {
      String index = index(lab);
      manager.killProgram();
      assertEquals(0, manager.awaitStart(2));
      awaitTraffic(lab, manager);
      assertNotEquals(index, index(lab));
      assertFalse(manager.output().contains(CONTINUED), manager::output);
    }
  }

  @Test
  void theQueuesOfADeletedInterfaceAreGivenUpAndTheStartIsANormalOne() throws Exception {
    try (TestLab lab = TestLab.unstarted();
        ServiceManagerProcess manager = start(lab, LabEngine.WIREGUARD, true)) {
      String index = index(lab);
      manager.killProgram();
      lab.network.a.node().ip("link", "delete", lab.network.a.interfaceName());
      int given = manager.awaitStart(2);
      assertTrue(given > 0, manager::output);
      awaitTraffic(lab, manager);
      assertNotEquals(index, index(lab));
      assertTrue(manager.output().contains("which cannot be used"), manager::output);
      assertFalse(manager.output().contains(CONTINUED), manager::output);
      manager.await("keeps 0");
      manager.killProgram();
      assertEquals(given, manager.awaitStart(3), "those of the new interface alone");
      awaitTraffic(lab, manager);
      assertTrue(manager.output().contains(CONTINUED), manager::output);
    }
  }
}
