// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import dev.culvert.tunnel.lane.LaneCounter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code culvert up}: packets that it lets out, faults that it survives, and state that it keeps.
 * One lab goes through all of it, and each test leaves it whole, except the last.
 */
@Tag("integration")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class GatewayTest {
  private static final String MARKER = "never-in-clear-0";
  private static final String CANARY = "always-in-clear0";

  @TempDir Path folder;

  private static TestLab lab;

  @BeforeAll
  static void start() throws IOException {
    Requirements.namespaces();
    lab = new TestLab();
  }

  @AfterAll
  static void remove() {
    lab.close();
  }

  @BeforeEach
  void isWhole() {
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
  }

  /** A capture of the wire that was seen to see. */
  private static Capture provenCapture() {
    Capture capture =
        Capture.start(lab.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER, CANARY));
    capture.prove(
        CANARY,
        () ->
            Traffic.send(
                lab.network.a.node(), "udp-text", lab.network.b.wireAddress(), "9001", CANARY));
    return capture;
  }

  @Test
  void whatPodsSayDoesNotCrossTheWireInClear() throws IOException {
    try (Capture capture = provenCapture()) {
      assertTrue(lab.podsReachEachOther());
      lab.sendToPodB(MARKER);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      assertNotNull(TestLab.onlyPeer(lab.gatewayA).lastHandshake());
      assertTrue(TestLab.traffic(lab.gatewayA).count(LaneCounter.PACKETS_SENT) > 0);
      assertTrue(TestLab.traffic(lab.gatewayB).count(LaneCounter.PACKETS_DELIVERED) > 0);
    }
  }

  @Test
  void aKilledGatewayLetsNothingOutInClearAndComesBackAsItself() throws IOException {
    String before = lab.gatewayA.status().orElseThrow().publicKey();
    lab.gatewayA.kill();
    // There is a way in clear, were it not for the guard.
    lab.network.a.node().route("default", "via", lab.network.b.wireAddress());
    lab.network.a.node().route("default", "via", lab.network.b.wireAddressV6());
    try (Capture capture = provenCapture()) {
      lab.sendToPodB(MARKER);
      assertFalse(lab.podsReachEachOther());
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
    }
    lab.gatewayA.start(lab.gatewayB);
    assertEquals(before, lab.gatewayA.status().orElseThrow().publicKey());
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), "after the restart");
  }

  @Test
  void aGatewayWhoseDeviceIsMovedAwayEndsAndTheGuardStays() throws IOException {
    try (Capture capture = provenCapture()) {
      assertTrue(lab.podsReachEachOther());
      Namespace node = lab.network.a.node();
      // There is a way in clear, were it not for the guard.
      node.route("default", "via", lab.network.b.wireAddress());
      String device = lab.network.a.interfaceName();
      node.ip("link", "set", device, "netns", lab.network.a.pod().name());
      Daemon daemon = lab.gatewayA.daemon();
      assertEquals(1, daemon.awaitEnd(Commands.PATIENCE), daemon::output);
      assertTrue(daemon.output().contains("moved away; its ranges stay blocked"), daemon::output);
      lab.sendToPodB(MARKER);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
      lab.gatewayA.start(lab.gatewayB);
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), "after the restart");
    }
  }

  @Test
  void anAddressThatNoPeerOwnsIsNotSentInClear() throws IOException {
    try (Capture capture = provenCapture()) {
      lab.network.a.node().route("default", "via", lab.network.b.wireAddress());
      Traffic.send(lab.network.a.pod(), "udp-text", "10.42.77.1", "9001", MARKER);
      capture.stop();
      assertEquals(0, capture.seen(MARKER));
    }
  }

  @Test
  @Order(Integer.MAX_VALUE) // A gateway is gone afterwards.
  void downLiftsTheGuardAndOnlyDownDoes() throws IOException {
    try (Capture capture = provenCapture()) {
      String range = lab.network.b.podCidrs().getFirst();
      Namespace node = lab.network.a.node();
      assertTrue(node.ip("rule").out().contains("to " + range + " lookup"), "steered");
      assertTrue(node.run("nft", "list", "tables").out().contains("inet culvert"), "guarded");
      String setting = "net.ipv4.conf." + LabSite.WIRE_DEVICE + ".src_valid_mark";
      assertEquals("1\n", node.run("sysctl", "-n", setting).out());
      assertFalse(
          lab.gatewayA.daemon().output().contains("repaired changes by another program"),
          "its own device is nobody else's doing");
      node.attempt(
              Commands.PATIENCE, Map.of(), Culvert.command("down", lab.network.a.interfaceName()))
          .orThrow();
      assertEquals(0, lab.gatewayA.daemon().awaitEnd(Commands.PATIENCE));
      assertFalse(node.ip("rule").out().contains(range), "not steered");
      assertEquals("", node.run("nft", "list", "tables").out(), "not guarded");
      assertEquals("0\n", node.run("sysctl", "-n", setting).out(), "as it was before");
      assertEquals("", node.ip("route", "show", "table", "all", "proto", "199").out());
      lab.network.a.routeInClear(lab.network.b);
      capture.prove(MARKER, () -> lab.sendToPodB(MARKER));
    }
  }

  @Test
  void aReloadOfABrokenFileKeepsTheRunningState() throws IOException {
    String before = Files.readString(lab.gatewayA.configuration());
    Files.writeString(lab.gatewayA.configuration(), "spec: {peers: nonsense\n");
    lab.gatewayA.daemon().signal("HUP");
    lab.gatewayA.daemon().awaitOutput("reload failed");
    assertTrue(lab.gatewayA.daemon().isAlive());
    assertTrue(lab.podsReachEachOther());
    assertTrue(
        lab.gatewayA.daemon().output().contains(lab.gatewayA.configuration().toString()),
        "the complaint names the file");
    LabFiles.writePrivate(lab.gatewayA.configuration(), before);
  }

  @Test
  void aReloadAppliesWhatChangedAndKeepsTheSession() throws IOException {
    Long handshake = youngHandshake();
    Path file = lab.gatewayA.configuration();
    Files.writeString(
        file, Files.readString(file).replace("allowedIps: [", "allowedIps: [10.42.9.0/24, "));
    lab.gatewayA.daemon().signal("HUP");
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> TestLab.onlyPeer(lab.gatewayA).allowedIps().contains("10.42.9.0/24")),
        () -> lab.gatewayA.daemon().output());
    assertTrue(lab.podsReachEachOther());
    assertEquals(handshake, TestLab.onlyPeer(lab.gatewayA).lastHandshake());
  }

  /**
   * The time of the last handshake, in seconds since 1970. A session that is two minutes old is
   * renewed whatever a test does: then there is a new one.
   */
  private static Long youngHandshake() {
    Long last = Objects.requireNonNull(TestLab.onlyPeer(lab.gatewayA).lastHandshake());
    if (Instant.now().getEpochSecond() - last < 60) {
      return last;
    }
    lab.gatewayA.kill();
    lab.gatewayA.start(lab.gatewayB);
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), "after the restart");
    return Objects.requireNonNull(TestLab.onlyPeer(lab.gatewayA).lastHandshake());
  }

  @Test
  void theFirstStartMakesAKeyThatOnlyItsOwnerReads() throws IOException {
    String device = "cvk" + ProcessHandle.current().pid() % 1_000_000;
    Path key = folder.resolve("fresh").resolve("private.key");
    Path file =
        GatewayYaml.of(device)
            .with("identity: {privateKeyFile: " + key + "}")
            .write(folder.resolve("gateway.yaml"));
    try (Namespaces namespaces = Namespaces.ofThisProcess("key")) {
      Namespace node = namespaces.create("node");
      String first = publicKeyOfAStart(node, device, file);
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(key)));
      assertEquals(first, publicKeyOfAStart(node, device, file), "a reboot keeps the key");
      node.attempt(Commands.PATIENCE, Map.of(), Culvert.command("down", device)).orThrow();
    }
  }

  @Test
  void aDetachedGatewaySaysInAFileWhatItHasToSay() throws IOException {
    String device = "cvd" + ProcessHandle.current().pid() % 1_000_000;
    Path log = Path.of("/var/log/culvert", device + ".log");
    Path file =
        GatewayYaml.of(device)
            .with("identity: {privateKeyFile: private.key}")
            .write(folder.resolve("gateway.yaml"));
    try (Namespaces namespaces = Namespaces.ofThisProcess("log")) {
      Namespace node = namespaces.create("node");
      try (Daemon daemon =
          node.start(
              Map.of("CULVERT_DETACHED", "1"), Culvert.command("up", "-d", file.toString()))) {
        daemon.awaitOutput("culvert: ready");
        Files.writeString(file, "spec: {peers: nonsense\n");
        daemon.signal("HUP");
        assertTrue(
            Waiting.until(
                Commands.PATIENCE, () -> Files.exists(log) && read(log).contains("reload failed")),
            daemon::output);
        assertFalse(daemon.output().contains("reload failed"), "the terminal is not its own");
      }
      node.attempt(Commands.PATIENCE, Map.of(), Culvert.command("down", device)).orThrow();
    } finally {
      Files.deleteIfExists(log);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String publicKeyOfAStart(Namespace node, String device, Path file) {
    try (Daemon daemon = node.start(Map.of(), Culvert.command("up", file.toString()))) {
      daemon.awaitOutput("is up");
      return node.run("wg", "show", device, "public-key").out();
    }
  }
}
