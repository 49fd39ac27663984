// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.EspPair.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Pings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With the keys of {@code culvert keylog}, Wireshark reads both directions of a capture. */
@Tag("integration")
final class KeyLogTest {
  private static final int PINGS = 5;

  /** Tshark's profile; only we can write to it. */
  @TempDir private Path profile;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("tshark");
  }

  @Test
  void wiresharkReadsBothDirectionsOfEspWithTheKeysOfOneGateway() throws IOException {
    Path capture = profile.resolve("capture");
    Path keyLog = profile.resolve("esp_sa");
    try (EspPair pair = new EspPair(false);
        UpPair gateways = new UpPair(pair, Keys.GLOBAL, List.of("esn: false"))) {
      // Before there are keys packets gather, and leave as one frame of several that only the
      // network card would cut.
      EspPair.ping(pair.ours, OUR_V4, PEER_V4);
      capturePings(pair, gateways, capture, () -> {});
      Commands.Result refused = keyLog(pair.device, keyLog);
      assertTrue(refused.err().contains("--with-secrets"), refused::toString);
      keyLog(pair.device, keyLog, "--with-secrets").orThrow();
      assertVerified("1", verified(pair, capture));
      Files.writeString(keyLog, "");
      assertVerified("", verified(pair, capture));
    }
  }

  @Test
  void wiresharkReadsBothDirectionsOfWireGuardWithTheKeysOfOneGateway() throws IOException {
    Path capture = profile.resolve("capture");
    Path keyLog = profile.resolve("wg.keys");
    try (EspPair pair = new EspPair(false);
        UpPair gateways = new UpPair(pair, Keys.WIREGUARD)) {
      List<String> command =
          Culvert.command("keylog", pair.device, "--with-secrets", "-w", keyLog.toString());
      try (Daemon log = pair.ours.start(Map.of(), command)) {
        log.await(
            "its first look",
            Commands.PATIENCE,
            () -> Files.exists(keyLog) && read(keyLog).contains("LOCAL_STATIC_PRIVATE_KEY"));
        capturePings(
            pair,
            gateways,
            capture,
            () -> {
              gateways.restartPeers();
              log.await(
                  "a handshake",
                  Commands.PATIENCE,
                  () -> read(keyLog).contains("LOCAL_EPHEMERAL_PRIVATE_KEY"));
            });
        log.signal("TERM");
        assertEquals(0, log.awaitEnd(Commands.PATIENCE));
      }
      assertEquals(10, echoes(pair, capture, "-o", "wg.keylog_file:" + keyLog));
      assertEquals(0, echoes(pair, capture));
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Five pings and their answers, in a file, after {@code first} has run. */
  private static void capturePings(EspPair pair, UpPair gateways, Path file, Runnable first) {
    try (Daemon tcpdump = Capture.toFile(pair.ours, WIRE, "udp", file)) {
      first.run();
      Commands.Result ping = Pings.send(pair.ours, PINGS, "0.1", PEER_V4, "-I", OUR_V4);
      assertTrue(Pings.allAnswered(ping, PINGS), () -> ping + gateways.output());
      Capture.stop(tcpdump);
    }
  }

  /** How many of the first pings and their answers tshark finds. */
  private static int echoes(EspPair pair, Path capture, String... options) {
    List<String> command =
        new ArrayList<>(List.of("tshark", "-r", capture.toString(), "-d", "udp.port==51820,wg"));
    command.addAll(List.of("-Y", "icmp.seq <= " + PINGS));
    command.addAll(List.of(options));
    return (int) pair.ours.attempt(command.toArray(String[]::new)).orThrow().out().lines().count();
  }

  /** A slow answer makes {@code ping} send one more than it was asked for. */
  private static void assertVerified(String expected, List<String> all) {
    assertTrue(all.size() >= 2 * PINGS, all::toString);
    assertEquals(Set.of(expected), Set.copyOf(all));
  }

  private static Commands.Result keyLog(String device, Path file, String... more) {
    List<String> command = Culvert.command("keylog", device, "--once", "--write", file.toString());
    command.addAll(List.of(more));
    return Commands.attempt(Commands.PATIENCE, Map.of(), command);
  }

  /** Whether the ICV is good, of each ESP packet. */
  private List<String> verified(EspPair pair, Path capture) {
    List<String> command =
        List.of(
            "tshark",
            "-r",
            capture.toString(),
            "-o",
            "esp.enable_encryption_decode:TRUE",
            "-o",
            "esp.enable_authentication_check:TRUE",
            "-Y",
            "esp.spi",
            "-T",
            "fields",
            "-e",
            "esp.icv_good");
    return pair.ours
        .attempt(Commands.PATIENCE, Map.of("WIRESHARK_CONFIG_DIR", profile.toString()), command)
        .orThrow()
        .out()
        .lines()
        .toList();
  }
}
