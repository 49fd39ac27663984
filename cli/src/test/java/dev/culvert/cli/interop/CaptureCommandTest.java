package dev.culvert.cli.interop;

import static dev.culvert.cli.interop.EspPair.PEER_V4;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.lab.Commands;
import dev.culvert.cli.lab.Daemon;
import dev.culvert.cli.lab.Namespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Wireshark reads what {@code culvert capture} wrote: each datagram, and with secrets all of it.
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

  @Test
  void wireGuardOfTcpIsSeenAsOnTheWireAndDecryptsOnlyWithSecrets() throws IOException {
    WgNode.Keys ours = WgNode.Keys.generate();
    WgNode.Keys peers = WgNode.Keys.generate();
    try (EspPair pair = new EspPair(false)) {
      try (Daemon a = up(pair.ours, wireGuard(pair.device, 1, ours, peers));
          Daemon b = up(pair.peers, wireGuard(pair.device + "b", 2, peers, ours))) {
        capture(pair, "--with-secrets");
        assertSeenAsOnTheWire(pair, "udp.port == 51820");
        assertTrue(count(pair, "tcp.len > 0") > 100, () -> a.output() + b.output());
        Files.delete(file);
        capture(pair);
        assertSeenAsOnTheWire(pair, "wg");
        assertEquals(0, count(pair, "tcp"));
      }
    }
  }

  @Test
  void espOfTcpIsSeenAsOnTheWireAndDecryptsOnlyWithTheFileBeside() throws IOException {
    byte[] key = new byte[20];
    new Random(11).nextBytes(key);
    Path keys =
        WgNode.secretFile("3 rfc4106(gcm(aes)) %s 128%n".formatted(HexFormat.of().formatHex(key)));
    try (EspPair pair = new EspPair(false)) {
      try (Daemon a = up(pair.ours, esp(pair.device, 1, keys));
          Daemon b = up(pair.peers, esp(pair.device + "b", 2, keys))) {
        capture(pair, "--with-secrets");
        assertSeenAsOnTheWire(pair, "esp");
        assertEquals(0, count(pair, "tcp"));
        Files.move(Path.of(file + ".esp_sa"), folder.resolve("esp_sa"));
        assertTrue(count(pair, "tcp.len > 0") > 100, () -> a.output() + b.output());
      }
    }
  }

  /** Captures at our gateway while TCP passes. */
  private void capture(EspPair pair, String... more) {
    List<String> command =
        Culvert.command("capture", pair.device, "-w", file.toString(), "--device", EspPair.WIRE);
    command.addAll(List.of(more));
    try (Daemon capture = pair.ours.start(Map.of(), command)) {
      capture.awaitOutput("capturing");
      List<String> amounts = EspPair.tcp(pair.ours, pair.peers, PEER_V4, 2_000_000);
      assertEquals(amounts.get(0).replace("sent ", ""), amounts.get(1).replace("received ", ""));
      capture.signal("TERM");
      capture.awaitEnd(Duration.ofSeconds(20));
      assertTrue(capture.output().contains(" 0 frames dropped"), capture::output);
    }
  }

  private void assertSeenAsOnTheWire(EspPair pair, String filter) {
    long all = count(pair, filter);
    assertTrue(all > 1000, "datagrams: " + all);
    assertEquals(0, count(pair, "frame.len > " + (MTU + 14)));
    assertEquals(0, count(pair, "udp.checksum.status == 0 or ip.checksum.status == 0"));
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

  private static Daemon up(Namespace namespace, String yaml) throws IOException {
    Path config = Path.of(WgNode.secretFile(yaml) + ".yaml");
    Files.writeString(config, yaml);
    config.toFile().deleteOnExit();
    Daemon daemon = namespace.start(Map.of(), Culvert.command("up", config.toString()));
    daemon.awaitOutput("is up");
    return daemon;
  }

  private static String wireGuard(String device, int host, WgNode.Keys own, WgNode.Keys other) {
    return """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          interface: {name: %1$s, addresses: [10.93.0.%2$d/24], listenPort: 51820}
          identity: {privateKeyFile: %4$s}
          peers:
            - name: other
              publicKey: %5$s
              endpoint: 192.0.2.%3$d:51820
              allowedIps: [10.9%3$d.0.0/24, 10.93.0.%3$d/32]
        """
        .formatted(device, host, 3 - host, WgNode.secretFile(own.privateKey()), other.publicKey());
  }

  private static String esp(String device, int host, Path keys) {
    return """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          engine: esp
          interface: {name: %1$s, addresses: [10.93.0.%2$d/24], listenPort: 4500}
          esp:
            keyFile: %4$s
            esn: false
            nodeAddresses: [192.0.2.%2$d]
            localRanges: [10.9%2$d.0.0/24, 10.93.0.%2$d/32]
          peers:
            - name: other
              endpoint: 192.0.2.%3$d:4500
              allowedIps: [10.9%3$d.0.0/24, 10.93.0.%3$d/32]
        """
        .formatted(device, host, 3 - host, keys);
  }
}
