// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.EspPair.OUR_V4;
import static dev.culvert.cli.kit.EspPair.PEER_V4;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Wireshark reads the files of {@code culvert capture}: each datagram, and with secrets all of it.
 */
@Tag("integration")
final class CaptureCommandTest {
  private static final int MTU = 1500;

  @TempDir private Path folder;
  private Path file;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("tshark");
  }

  @BeforeEach
  void target() {
    file = folder.resolve("capture.pcapng");
  }

  @ParameterizedTest(name = "IPv6 outside {0}")
  @ValueSource(booleans = {false, true})
  void wireGuardOfTcpIsSeenAsOnTheWireAndDecryptsOnlyWithSecrets(boolean overV6) {
    try (EspPair pair = new EspPair(overV6);
        UpPair gateways = new UpPair(pair, Keys.WIREGUARD)) {
      // Only the keys of handshakes from here on are known.
      capture(pair, gateways::restartPeers, "--with-secrets");
      assertSeenAsOnTheWire(pair, "udp.port == 51820", overV6, true);
      assertTrue(count(pair, "tcp.len > 0") > 100, gateways::output);
      capture(pair, () -> {}, "--force");
      assertSeenAsOnTheWire(pair, "udp.port == 51820", overV6, true);
      assertEquals(0, count(pair, "tcp"));
    }
  }

  @ParameterizedTest(name = "{0}, IPv6 outside {1}")
  @CsvSource({"udp,false", "udp,true", "raw,false", "raw,true"})
  void espOfTcpIsSeenAsOnTheWireAndDecryptsOnlyWithTheFileBeside(
      String encapsulation, boolean overV6) throws IOException {
    boolean udp = encapsulation.equals("udp");
    // Wireshark knows no ESN.
    List<String> esp = List.of("esn: false", "encapsulation: " + encapsulation);
    try (EspPair pair = new EspPair(overV6);
        UpPair gateways = new UpPair(pair, Keys.GLOBAL, esp)) {
      capture(pair, () -> {}, "--with-secrets");
      // The exchange of keys goes over UDP whatever the packets do.
      assertSeenAsOnTheWire(pair, "esp || udp.port == 4500", overV6, udp);
      assertTrue(count(pair, "esp") > 1000, gateways::output);
      assertEquals(0, count(pair, "tcp"));
      if (!udp) {
        assertEquals(count(pair, "esp"), count(pair, "!udp && (ip.proto == 50 || ipv6.nxt == 50)"));
      }
      Files.move(Path.of(file + ".esp_sa"), folder.resolve("esp_sa"));
      assertTrue(count(pair, "tcp.len > 0") > 100, gateways::output);
    }
  }

  @Test
  void limitsEndACaptureAndWhatIsThereIsNotLost() throws IOException {
    try (EspPair pair = new EspPair(false);
        UpPair gateways = new UpPair(pair, Keys.WIREGUARD);
        Daemon ping = pair.ours.start("ping", "-n", "-i", "0.05", "-I", OUR_V4, PEER_V4)) {
      ping.awaitOutput("ttl=");
      ends(pair, 0, "-w", file.toString(), "--count", "25");
      assertEquals(25, count(pair, "frame"));
      byte[] before = Files.readAllBytes(file);
      Commands.Result refused = ends(pair, 1, "-w", file.toString(), "--count", "5");
      assertEquals(
          "culvert: " + file + " is there already; --force writes over it\n", refused.err());
      assertArrayEquals(before, Files.readAllBytes(file));
      ends(pair, 0, "-w", file.toString(), "--count", "5", "--force");
      assertEquals(5, count(pair, "frame"));
      Commands.Result timed = ends(pair, 0, "-w", file.toString(), "--seconds", "1", "--force");
      assertTrue(timed.err().contains(" datagrams, "), timed::err);
      assertTrue(count(pair, "frame") > 5, gateways::output);
      assertEquals(
          "culvert: no interface 'none0' in this network namespace; see 'ip netns exec'\n",
          ends(pair, 1, "-w", folder.resolve("x").toString(), "--device", "none0").err());
      standardOutput(pair);
    }
  }

  private void standardOutput(EspPair pair) throws IOException {
    Files.delete(file);
    piped(pair, "--count 7", "| cat > " + file).orThrow();
    assertEquals(7, count(pair, "frame"));
    // A pipe has one reader; a file of others has more.
    piped(pair, "--count 7 --with-secrets", "| cat > " + file).orThrow();
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertEquals(
        "culvert: standard output is no place for secrets: group or others can read it: use -w"
            + " FILE\n",
        piped(pair, "--count 7 --with-secrets", ">> " + file).err());
    String before = "before";
    Files.writeString(file, before);
    Commands.Result refused =
        ends(pair, 1, "-w", file.toString(), "--force", "--with-secrets", "--count", "7");
    assertTrue(
        refused.err().startsWith("culvert: " + file + " is no place for secrets: mode rw-r-----"),
        refused::err);
    assertEquals(before, Files.readString(file));
  }

  private static Commands.Result piped(EspPair pair, String options, String to) {
    String capture = String.join(" ", Culvert.command("capture", pair.device, "-w", "-"));
    return pair.ours.attempt("sh", "-c", capture + " " + options + " " + to);
  }

  /** A capture that ends by itself. */
  private static Commands.Result ends(EspPair pair, int exitCode, String... more) {
    List<String> command = Culvert.command("capture", pair.device);
    command.addAll(List.of(more));
    Commands.Result result = pair.ours.attempt(Commands.PATIENCE, Map.of(), command);
    assertEquals(exitCode, result.exitCode(), result::toString);
    return result;
  }

  /** Captures at our gateway while TCP passes, after {@code first}. */
  private void capture(EspPair pair, Runnable first, String... more) {
    List<String> command =
        Culvert.command("capture", pair.device, "-w", file.toString(), "--device", EspPair.WIRE);
    command.addAll(List.of(more));
    try (Daemon capture = pair.ours.start(Map.of(), command)) {
      capture.awaitOutput("capturing");
      first.run();
      List<String> amounts = EspPair.tcp(pair.ours, pair.peers, PEER_V4, 2_000_000);
      assertEquals(amounts.get(0).replace("sent ", ""), amounts.get(1).replace("received ", ""));
      capture.signal("TERM");
      capture.awaitEnd(Duration.ofSeconds(20));
      assertTrue(capture.output().contains(" 0 frames dropped"), capture::output);
    }
  }

  /**
   * All of the packets are whole: none larger than the wire takes, none with a wrong checksum. Each
   * question is a run of tshark, so there are two: all that is right, and all that is not.
   */
  private void assertSeenAsOnTheWire(EspPair pair, String filter, boolean overV6, boolean udp) {
    String right =
        "(%s) && frame.len <= %d && !(udp.checksum.status == 0 or ip.checksum.status == 0)"
            .formatted(filter, MTU + 14);
    if (udp) {
      right += " && udp.checksum.status == 1"; // checked by Wireshark
    }
    if (!overV6) {
      right += " && ip.checksum.status == 1";
    }
    long all = count(pair, right);
    assertTrue(all > 1000, "datagrams: " + all);
    assertEquals(0, count(pair, "!(" + right + ")"), "and nothing else");
  }

  /** How many packets tshark finds; the folder of the capture is its profile. */
  private long count(EspPair pair, String filter) {
    List<String> command = new ArrayList<>(List.of("tshark", "-r", file.toString(), "-Y", filter));
    for (String preference :
        List.of(
            "esp.enable_encryption_decode:TRUE",
            "udp.check_checksum:TRUE",
            "ip.check_checksum:TRUE")) {
      command.addAll(List.of("-o", preference));
    }
    return pair.ours
        .attempt(Commands.PATIENCE, Map.of("WIRESHARK_CONFIG_DIR", folder.toString()), command)
        .orThrow()
        .out()
        .lines()
        .count();
  }
}
