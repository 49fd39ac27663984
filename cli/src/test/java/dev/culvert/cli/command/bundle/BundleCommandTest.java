// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.cli.RootCommand;
import dev.culvert.cli.kit.BundleFile;
import dev.culvert.cli.kit.KeyTraces;
import dev.culvert.daemon.GatewayDaemon;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.log.RecentLines;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code culvert bundle} writes an archive that only its owner can read, that holds no secret, and
 * that names all parts that could not be gathered.
 */
@SuppressWarnings("try") // gateways that only have to be there
final class BundleCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PRIVATE = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
  private static final String PRESHARED = "rTDNvvbPwLqsmfEFlBYEFdFXZhYxRoJDeoqVKw6Xabk=";
  private static final String PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final KeyTraces SECRETS =
      new KeyTraces(Map.of("private key", PRIVATE, "preshared key", PRESHARED));

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;
  private Path configuration;
  private Path archive;
  private Machine machine;

  /** A file that holds its keys itself. */
  @BeforeEach
  void prepare() throws IOException {
    machine = FakeMachine.in(directory, new FakeTunnels(), new FakeNetwork());
    archive = directory.resolve("bundle.tar.gz");
    configuration = directory.resolve("cv0.conf");
    Files.writeString(
        Files.createFile(
            configuration,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))),
        """
        [Interface]
        PrivateKey = %s
        ListenPort = 7
        [Peer]
        PublicKey = %s
        PresharedKey = %s
        Endpoint = 192.0.2.1:8
        AllowedIPs = 10.1.0.0/16
        """
            .formatted(PRIVATE, PEER, PRESHARED));
  }

  private int bundle(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    String[] all = new String[arguments.length + 3];
    all[0] = "bundle";
    all[1] = "--out";
    all[2] = archive.toString();
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    return RootCommand.commandLine(machine, false)
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(all);
  }

  private JsonNode manifest() throws IOException {
    return JSON.readTree(Objects.requireNonNull(BundleFile.texts(archive).get("manifest.json")));
  }

  @Test
  void aGatewayThatRunsIsThereWithAllItsParts() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(configuration, machine)) {
      RecentLines.ofProcess().add("a line of this test");
      assertEquals(0, bundle(), err::toString);
    }
    assertEquals(archive + "\n", out.toString());
    assertEquals(
        "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(archive)));
    Map<String, String> texts = BundleFile.texts(archive);
    for (String part : List.of("status", "peers", "sas", "routes", "audit", "config")) {
      String text = texts.get("gateways/cv0/" + part + ".json");
      assertTrue(text != null && !JSON.readTree(text).isMissingNode(), () -> part + ": " + err);
    }
    assertTrue(JSON.readTree(texts.get("doctor.json")).isArray());
    String threads = texts.get("gateways/cv0/threads.txt");
    assertTrue(threads != null && threads.contains("    at "), () -> "threads: " + threads);
    String log = texts.get("gateways/cv0/log.txt");
    assertTrue(log != null && log.contains("a line of this test"), () -> "log: " + log);
    assertTrue(Objects.requireNonNull(texts.get("sysctl.txt")).contains("net/ipv4/ip_forward = "));
    assertFalse(texts.containsKey("gateways/cv0/metrics.txt"), "there is no endpoint");
    JsonNode config = JSON.readTree(texts.get("gateways/cv0/config.json"));
    assertEquals("(redacted)", config.get("privateKey").asText());
    JsonNode peer = config.get("peers").get(0);
    assertEquals("(redacted)", peer.get("presharedKey").asText());
    assertEquals(PEER, peer.get("publicKey").asText(), "public keys stay");
    assertEquals("192.0.2.1:8", peer.get("endpoint").asText());
  }

  @Test
  void noKeyIsInTheArchiveAndTheDetectorFindsEachForm() throws Exception {
    for (String sample : SECRETS.samples()) {
      assertFalse(
          SECRETS.in(sample.getBytes(StandardCharsets.ISO_8859_1)).isEmpty(), "the control");
    }
    assertFalse(SECRETS.in(Files.readAllBytes(configuration)).isEmpty(), "the control");
    try (GatewayDaemon daemon = GatewayDaemon.start(configuration, machine)) {
      // As a defect could bring them into the log.
      RecentLines.ofProcess().add("key=" + PRIVATE + " and \"" + PRESHARED + "\"");
      assertEquals(0, bundle(), err::toString);
    }
    assertEquals(List.of(), SECRETS.in(BundleFile.bytes(archive)));
    String log = BundleFile.texts(archive).get("gateways/cv0/log.txt");
    assertTrue(log != null && log.contains("key=(redacted) and \"(redacted)\""), () -> "" + log);
    assertEquals(0, bundleOf("stopped"), err::toString);
    assertEquals(List.of(), SECRETS.in(BundleFile.bytes(archive)));
  }

  private int bundleOf(String name) {
    archive = directory.resolve(name + ".tar.gz");
    return bundle();
  }

  @Test
  void ofAGatewayThatDiedTheRestIsWrittenAndTheGapsAreNamed() throws Exception {
    GatewayDaemon.start(configuration, machine).close();
    assertEquals(0, bundle(), err::toString);
    Map<String, String> texts = BundleFile.texts(archive);
    JsonNode config = JSON.readTree(texts.get("gateways/cv0/config.json"));
    assertEquals(PEER, config.get("peers").get(0).get("publicKey").asText());
    JsonNode missing = manifest().get("missing");
    for (String part : Set.of("status.json", "peers.json", "log.txt", "threads.txt")) {
      assertTrue(missing.has("gateways/cv0/" + part), missing::toPrettyString);
      assertTrue(err.toString().contains("not gathered: gateways/cv0/" + part), err::toString);
    }
    assertTrue(texts.containsKey("doctor.json"));
  }

  @Test
  void aConfigurationThatIsRefusedNowIsAGapWithoutItsText() throws Exception {
    GatewayDaemon.start(configuration, machine).close();
    Files.writeString(configuration, "PrivateKey = " + PRIVATE + "\n");
    assertEquals(0, bundle(), err::toString);
    assertTrue(manifest().get("missing").has("gateways/cv0/config.json"));
    assertEquals(List.of(), SECRETS.in(BundleFile.bytes(archive)));
  }

  @Test
  void aFileThatIsThereStays() throws Exception {
    Files.writeString(archive, "mine");
    assertEquals(1, bundle());
    assertTrue(err.toString().contains("exists already: name another file"), err::toString);
    assertEquals("mine", Files.readString(archive));
  }

  @Test
  void aGatewayThatNobodyKnowsIsRefused() {
    assertEquals(4, bundle("cv7"));
    assertTrue(err.toString().contains("no gateway 'cv7' is running"), err::toString);
    assertFalse(Files.exists(archive));
  }
}
