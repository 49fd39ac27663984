package dev.culvert.cli.interop;

import static dev.culvert.cli.interop.EspPair.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.lab.Capture;
import dev.culvert.cli.lab.Commands;
import dev.culvert.cli.lab.Daemon;
import dev.culvert.cli.lab.Namespace;
import dev.culvert.cli.lab.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** With what {@code culvert keylog} wrote, Wireshark reads both directions of a capture. */
@Tag("integration")
final class KeyLogTest {
  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("tshark");
  }

  @Test
  void wiresharkReadsBothDirectionsOfEspWithTheKeysOfOneGateway() throws IOException {
    byte[] key = new byte[20];
    new Random(11).nextBytes(key);
    Path keys =
        WgNode.secretFile("3 rfc4106(gcm(aes)) %s 128%n".formatted(HexFormat.of().formatHex(key)));
    Path capture = WgNode.secretFile("");
    Path profile = Files.createTempDirectory("culvert-profile"); // rwx------
    Path keyLog = profile.resolve("esp_sa");
    try (EspPair pair = new EspPair(false);
        Daemon ours = up(pair.ours, pair.device, keys, 1);
        Daemon peers = up(pair.peers, pair.device + "b", keys, 2)) {
      // Before there are keys packets gather, and leave as one frame of several that only the
      // network
      // card would cut.
      EspPair.ping(pair.ours, OUR_V4, PEER_V4);
      try (Daemon tcpdump = Capture.toFile(pair.ours, WIRE, "udp port 4500", capture)) {
        Commands.Result ping = EspPair.ping(pair.ours, OUR_V4, PEER_V4);
        assertTrue(ping.out().contains(" 0% packet loss"), () -> ours.output() + peers.output());
        Waiting.pause(Duration.ofSeconds(1)); // The last packets are on their way to the file.
        tcpdump.signal("TERM");
        tcpdump.awaitOutput("dropped by kernel");
      }
      Commands.Result refused = keyLog(pair.device, keyLog);
      assertTrue(refused.err().contains("--with-secrets"), refused::toString);
      keyLog(pair.device, keyLog, "--with-secrets").orThrow();
      assertEquals(Collections.nCopies(10, "1"), verified(pair, capture, profile));
      Files.writeString(keyLog, "");
      assertEquals(Collections.nCopies(10, ""), verified(pair, capture, profile));
    } finally {
      Files.deleteIfExists(keyLog);
      Files.delete(profile);
    }
  }

  private static Commands.Result keyLog(String device, Path file, String... more) {
    List<String> command = Culvert.command("keylog", device, "--once", "--write", file.toString());
    command.addAll(List.of(more));
    return Commands.attempt(Commands.PATIENCE, Map.of(), command);
  }

  private static Daemon up(Namespace namespace, String device, Path keys, int host)
      throws IOException {
    Path config =
        WgNode.secretFile(
            """
            apiVersion: culvert.dev/v1alpha1
            kind: Gateway
            spec:
              engine: esp
              interface:
                name: %1$s
                addresses: [10.93.0.%2$d/24]
                listenPort: 4500
              esp:
                keyFile: %4$s
                esn: false
                nodeAddresses: [192.0.2.%2$d]
                localRanges: [10.9%2$d.0.0/24]
              peers:
                - name: other
                  endpoint: 192.0.2.%3$d:4500
                  allowedIps: [10.9%3$d.0.0/24]
            """
                .formatted(device, host, 3 - host, keys));
    Path yaml = Path.of(config + ".yaml");
    Files.move(config, yaml);
    yaml.toFile().deleteOnExit();
    Daemon daemon = namespace.start(Map.of(), Culvert.command("up", yaml.toString()));
    daemon.awaitOutput("is up");
    return daemon;
  }

  /** Whether the ICV is good, of each ESP packet. */
  private static List<String> verified(EspPair pair, Path capture, Path profile) {
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
