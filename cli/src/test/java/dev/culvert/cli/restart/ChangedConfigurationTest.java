// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.NumberedFlow;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A successor whose configuration is another one than its predecessor's. */
@Tag("integration")
final class ChangedConfigurationTest {
  private static final String MARKER = "never-in-clear-2";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void lanesMtuPeersPortAndKeyChangeWithAHandOver() throws Exception {
    try (TestLab lab = new TestLab()) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, Culvert.command());
      moreLanesAndAPeer(lab, a);
      fewerLanesAndAnotherPort(lab, a);
      anotherKey(lab, a);
    }
  }

  /** The sessions go on, and nothing is lost. */
  private static void moreLanesAndAPeer(TestLab lab, ReplacedGateway a) throws IOException {
    GatewayFacts before = GatewayFacts.of(a.site(), false);
    change(
        a,
        yaml ->
            yaml.replace("listenPort: 51820}", "listenPort: 51820, lanes: 2, mtu: 1300}")
                + silentPeer(WgNode.Keys.generate().publicKey()));
    try (NumberedFlow flow =
        new NumberedFlow(
            lab.network.a.pod(), lab.network.b.pod(), lab.network.b.podAddress(), MARKER)) {
      a.replace();
      GatewayFacts.of(a.site(), false).assertNoHandshakeSince(before);
      NumberedFlow.Outcome outcome = flow.finish();
      assertNotEquals(0, outcome.sent());
      assertEquals(0, outcome.lost(), outcome::toString);
    }
    assertEquals(2, Objects.requireNonNull(view(a).traffic()).lanes());
    assertEquals("1300", device(a, "mtu"));
    assertEquals(List.of("node-b", "silent"), peers(a));
    assertTrue(lab.podsReachEachOther());
  }

  private static String silentPeer(String publicKey) {
    return """
            - name: silent
              endpoint: 192.0.2.77:51820
              allowedIps: ["10.42.77.0/24"]
              publicKey: %s
        """
        .formatted(publicKey);
  }

  private static void fewerLanesAndAnotherPort(TestLab lab, ReplacedGateway a) throws IOException {
    GatewayFacts before = GatewayFacts.of(a.site(), false);
    String index = device(a, "ifindex");
    change(
        a,
        yaml ->
            yaml.substring(0, yaml.indexOf("    - name: silent"))
                .replace("listenPort: 51820, lanes: 2, mtu: 1300", "listenPort: 51999, lanes: 1"));
    a.replace();
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    GatewayFacts.of(a.site(), false).assertNoHandshakeSince(before);
    assertEquals(51999, view(a).listenPort());
    assertEquals(1, Objects.requireNonNull(view(a).traffic()).lanes());
    assertEquals(List.of("node-b"), peers(a));
    assertEquals(index, device(a, "ifindex"));
    assertEquals(
        "192.0.2.1:51999",
        LabGateway.status(lab.network.b).orElseThrow().peers().getFirst().endpoint());
  }

  private static void anotherKey(TestLab lab, ReplacedGateway a) throws IOException {
    String index = device(a, "ifindex");
    WgNode.Keys keys = WgNode.Keys.generate();
    LabFiles.writePrivate(lab.folder.resolve("node-a.key"), keys.privateKey() + "\n");
    String former = Objects.requireNonNull(view(a).publicKey());
    a.replace();
    assertEquals(keys.publicKey(), view(a).publicKey());
    TestLab.reconfigure(lab.gatewayB, yaml -> yaml.replace(former, keys.publicKey()));
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    assertEquals(index, device(a, "ifindex"));
  }

  @Test
  void aFileThatIsRefusedLeavesTheGatewayToItsProcess() throws Exception {
    try (TestLab lab = new TestLab()) {
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, Culvert.command());
      GatewayFacts before = GatewayFacts.of(a.site(), false);
      change(a, yaml -> yaml + "    - name: [\n");
      Daemon successor = a.startSuccessor();
      assertNotEquals(0, successor.awaitEnd(ReplacedGateway.PATIENCE));
      assertTrue(
          successor.output().contains("the gateway goes on in its former process"),
          successor::output);
      assertTrue(a.daemon().isAlive());
      GatewayFacts.of(a.site(), false).assertContinues(before);
      assertTrue(lab.podsReachEachOther());
    }
  }

  @Test
  void aSuccessorOfNobodyIsANormalStart() throws Exception {
    try (TestLab lab = new TestLab()) {
      lab.gatewayA.kill();
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, Culvert.command());
      Daemon successor = a.startSuccessor();
      successor.awaitOutput("is up");
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
    }
  }

  private static void change(ReplacedGateway gateway, UnaryOperator<String> change)
      throws IOException {
    LabFiles.writePrivate(
        gateway.configuration(), change.apply(Files.readString(gateway.configuration())));
  }

  private static GatewayView view(ReplacedGateway gateway) {
    return LabGateway.status(gateway.site()).orElseThrow();
  }

  private static List<String> peers(ReplacedGateway gateway) {
    return view(gateway).peers().stream().map(PeerView::label).sorted().toList();
  }

  private static String device(ReplacedGateway gateway, String file) {
    return gateway
        .site()
        .node()
        .run("cat", "/sys/class/net/" + gateway.site().interfaceName() + "/" + file)
        .out()
        .strip();
  }
}
