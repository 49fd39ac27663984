// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static dev.culvert.cli.kit.EspPair.OUR_V4;
import static dev.culvert.cli.kit.EspPair.PEER_V4;
import static dev.culvert.cli.kit.EspPair.WIRE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.kit.BundleFile;
import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.KeyTraces;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.PcapReader;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The log of real gateways as JSON: every line is an object with a documented event, a flood of bad
 * handshakes writes few lines, and neither log nor bundle holds a key.
 */
@Tag("integration")
final class LogsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int INITIATION = 148;
  private static final int ETHERNET_AND_IPV4_AND_UDP = 14 + 20 + 8;
  private static final int PER_SECOND = 5_000;
  private static final int SECONDS = 4;

  /** Lines of one event at once, and per second. */
  private static final int BURST = 20;

  private static final int LINES_PER_SECOND = 2;

  private static final Set<String> EVENTS =
      Arrays.stream(LogEvent.values()).map(LogEvent::id).collect(Collectors.toUnmodifiableSet());

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("tcpdump");
    Requirements.tool("nft");
    Requirements.tool("curl");
  }

  @Test
  void everyLineIsAnObjectAFloodWritesFewAndNeitherLogNorBundleHoldsAKey() throws Exception {
    String preshared = WgNode.Keys.generate().privateKey();
    Path presharedFile = WgNode.secretFile(preshared);
    try (EspPair pair = new EspPair(false);
        UpPair gateways =
            new UpPair(
                pair,
                Keys.WIREGUARD,
                List.of(),
                text ->
                    text.replaceFirst("\nspec:\n", "\nspec:\n  observability: {}\n")
                        .replace(
                            "{name: other, ",
                            "{name: other, presharedKeyFile: " + presharedFile + ", "),
                Map.of("LOG_FORMAT", "json", "LOG_LEVEL", "debug"))) {
      // The other end has no preshared key, so that its answers are refused: with reason.
      awaitEvent(gateways.ours, LogEvent.HANDSHAKE_REFUSED);
      Files.writeString(
          gateways.oursConfig,
          Files.readString(gateways.oursConfig)
              .replace("presharedKeyFile: " + presharedFile + ", ", ""));
      pair.ours.run(Culvert.command("reload", pair.device).toArray(String[]::new));
      awaitEvent(gateways.ours, LogEvent.CONFIG_RELOADED);
      byte[] initiation = initiationOfPeer(pair, gateways);
      EspPair.ping(pair.ours, OUR_V4, PEER_V4);
      awaitEvent(gateways.ours, LogEvent.HANDSHAKE_COMPLETED);
      pair.ours.run("nft", "delete", "table", "inet", "culvert");
      awaitEvent(gateways.ours, LogEvent.GUARD_REPAIRED);

      flood(pair, gateways, initiation);
      breakScrapesOff(pair, gateways);

      KeyTraces secrets = secrets(gateways, preshared);
      byte[] archive = bundle(pair);
      assertEquals(List.of(), secrets.in(archive), "bundle");
      gateways.ours.signal("TERM");
      assertEquals(0, gateways.ours.awaitEnd(Commands.PATIENCE), gateways::output);
      awaitEvent(gateways.ours, LogEvent.TUNNEL_CLOSED);
      String output = gateways.ours.output();
      assertEquals(List.of(), secrets.in(output.getBytes(StandardCharsets.UTF_8)), "log");
      assertFalse(
          secrets.in(secrets.samples().getFirst().getBytes(StandardCharsets.ISO_8859_1)).isEmpty(),
          "the control");
      JsonNode up = lines(output, LogEvent.GATEWAY_UP).getFirst();
      assertEquals(pair.device, up.get("interface").asText());
      JsonNode completed = lines(output, LogEvent.HANDSHAKE_COMPLETED).getFirst();
      assertEquals("192.0.2.2:51820", completed.get("endpoint").asText());
      assertEquals(44, completed.get("peer").asText().length());
    }
  }

  @Test
  void aStartThatFailsSaysSoInJsonAndAFormatThatDoesNotExistIsRefused() throws Exception {
    Path file = Files.writeString(folder.resolve("bad.yaml"), "kind: Gateway\n");
    Commands.Result failed =
        Commands.attempt(
            Commands.PATIENCE,
            Map.of(),
            Culvert.command("up", "--log-format", "json", file.toString()));
    assertEquals(3, failed.exitCode(), failed::toString);
    JsonNode last = parsed(failed.err().lines().toList().getLast());
    assertEquals(LogEvent.COMMAND_ENDED.id(), last.get("event").asText());
    assertTrue(last.get("reason").asText().contains("bad.yaml"), failed::err);
    Commands.Result unknown =
        Commands.attempt(
            Commands.PATIENCE, Map.of("LOG_FORMAT", "xml"), Culvert.command("up", file.toString()));
    assertEquals(2, unknown.exitCode(), unknown::toString);
    assertTrue(unknown.err().contains("set it to text or json"), unknown::err);
  }

  /** Starts the peer anew, and takes its initiation from the wire. */
  private byte[] initiationOfPeer(EspPair pair, UpPair gateways) throws IOException {
    Path capture = folder.resolve("initiations");
    String filter = "udp and src host 192.0.2.2 and udp[4:2] = " + (8 + INITIATION);
    try (Daemon tcpdump = Capture.toFile(pair.ours, WIRE, filter, capture)) {
      gateways.restartPeers();
      EspPair.ping(pair.peers, PEER_V4, OUR_V4);
      Capture.stop(tcpdump);
      assertEquals(0, tcpdump.awaitEnd(Commands.PATIENCE), tcpdump::output);
    }
    try (PcapReader reader = new PcapReader(Files.newInputStream(capture))) {
      byte[] packet = reader.next();
      assertTrue(packet != null, "no initiation was captured");
      return Arrays.copyOfRange(packet, ETHERNET_AND_IPV4_AND_UDP, packet.length);
    }
  }

  /** A quarter of the datagrams is the initiation as it was, which is refused by its timestamp. */
  private void flood(EspPair pair, UpPair gateways, byte[] initiation) throws IOException {
    Path samples = folder.resolve("samples");
    Files.writeString(samples, Base64.getEncoder().encodeToString(initiation) + "\n");
    int before = gateways.ours.output().length();
    Instant begin = Instant.now();
    try (Daemon flood =
        pair.peers.start(
            Map.of(), Attacker.command("192.0.2.1", Crowd.share(PER_SECOND), SECONDS, samples))) {
      assertEquals(
          0, flood.awaitEnd(Duration.ofSeconds(SECONDS).plus(Commands.PATIENCE)), flood::output);
    }
    String metrics = pair.ours.run("curl", "-sS", "http://127.0.0.1:9586/metrics").out();
    long seconds = 1 + Duration.between(begin, Instant.now()).toSeconds();
    String output = gateways.ours.output().substring(before);
    int written = lines(output, LogEvent.HANDSHAKE_REFUSED).size();
    int all = (int) output.lines().count();
    System.out.printf("flood of %d s: %d lines, %d of handshakes%n", SECONDS, all, written);
    assertTrue(written > 0, () -> "none was written: " + output);
    assertTrue(written <= BURST + LINES_PER_SECOND * seconds, () -> output);
    assertTrue(all <= 10 * seconds, () -> output);
    long suppressed = value(metrics, "culvert_log_suppressed_total{");
    assertTrue(suppressed > 0, () -> suppressed + " lines were left out");
  }

  /** The library of the metrics logs each of them, with a stack trace, in a way of its own. */
  private static void breakScrapesOff(EspPair pair, UpPair gateways) {
    String scrape =
        "exec 3<>/dev/tcp/127.0.0.1/9586;"
            + " printf 'GET /metrics HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' >&3";
    gateways.ours.await(
        "lines of the library",
        Commands.PATIENCE,
        () -> {
          pair.ours.run("bash", "-c", scrape);
          return lines(gateways.ours.output(), LogEvent.LIBRARY).size() >= 5;
        });
    for (int i = 0; i < 20; i++) {
      pair.ours.run("bash", "-c", scrape);
    }
    int lines = lines(gateways.ours.output(), LogEvent.LIBRARY).size();
    assertTrue(lines <= 12, () -> lines + " lines, which is more than a burst of two loggers");
  }

  private static long value(String metrics, String series) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(series))
        .map(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .findFirst()
        .orElseThrow();
  }

  /** The bundle of our end, whose parts are looked at. */
  private byte[] bundle(EspPair pair) throws IOException {
    Path file = folder.resolve("bundle.tar.gz");
    Commands.Result bundled =
        pair.ours.attempt(
            Commands.PATIENCE,
            Map.of(),
            Culvert.command("bundle", pair.device, "--out", file.toString()));
    assertTrue(bundled.succeeded(), bundled::toString);
    Map<String, String> texts = BundleFile.texts(file);
    String gateway = "gateways/" + pair.device + "/";
    for (String part :
        List.of("status.json", "peers.json", "routes.json", "plan.json", "audit.json")) {
      assertTrue(texts.containsKey(gateway + part), () -> part + ": " + bundled);
    }
    assertContains(texts, "nft.txt", "table inet culvert");
    assertContains(texts, "ip-address.txt", pair.device);
    assertContains(texts, "ip-4-rule.txt", "lookup");
    assertContains(texts, "ip-4-route.txt", "dev " + pair.device + " table 25462");
    assertContains(texts, gateway + "threads.txt", pair.device + "-control");
    assertContains(texts, gateway + "metrics.txt", "culvert_log_suppressed_total");
    List<String> log = texts.getOrDefault(gateway + "log.txt", "").lines().toList();
    assertTrue(log.size() > 5, log::toString);
    log.forEach(LogsTest::parsed);
    return BundleFile.bytes(file);
  }

  private static void assertContains(Map<String, String> texts, String part, String word) {
    String text = texts.getOrDefault(part, "(not there)");
    assertTrue(text.contains(word), () -> word + " in " + part + ": " + text);
  }

  private static KeyTraces secrets(UpPair gateways, String preshared) {
    return new KeyTraces(
        Map.of(
            "our private key", gateways.privateKeys().getFirst(),
            "the peer's private key", gateways.privateKeys().getLast(),
            "preshared key", preshared));
  }

  private static void awaitEvent(Daemon gateway, LogEvent event) {
    gateway.await(
        event.id(), Commands.PATIENCE, () -> gateway.output().contains("\"" + event.id() + "\""));
  }

  /** The lines of one event; all lines are checked. */
  private static List<JsonNode> lines(String output, LogEvent event) {
    List<JsonNode> lines = new ArrayList<>();
    output.lines().forEach(line -> lines.add(parsed(line)));
    lines.removeIf(line -> !line.get("event").asText().equals(event.id()));
    return lines;
  }

  private static JsonNode parsed(String line) {
    try {
      JsonNode object = JSON.readTree(line);
      for (String name : List.of("time", "level", "message", "logger", "thread", "event")) {
        assertTrue(object.path(name).isTextual(), () -> name + " in " + line);
      }
      assertTrue(EVENTS.contains(object.get("event").asText()), line);
      Instant.parse(object.get("time").asText());
      return object;
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException("not JSON: " + line, e);
    }
  }
}
