// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.X25519;
import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code culvert up} with {@code engine: esp} and {@code keying: noise}. */
final class NoiseGatewayDaemonTest {
  private final FakeNetwork network = new FakeNetwork();
  private final Random random = new Random(8);
  private final String ofB = publicKey();
  private final String ofC = publicKey();

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    machine = FakeMachine.in(directory, new FakeTunnels(), network);
    secret("psk");
    configure(4500, peer("b", 2, ofB, ""));
  }

  private String publicKey() {
    byte[] key = new byte[32];
    random.nextBytes(key);
    return Base64.getEncoder().encodeToString(X25519.publicKey(key));
  }

  /** Writes a new secret, and returns it. */
  private String secret(String name) throws IOException {
    Path path = directory.resolve(name);
    Files.deleteIfExists(path);
    Files.createFile(
        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    byte[] key = new byte[32];
    random.nextBytes(key);
    String text = Base64.getEncoder().encodeToString(key);
    Files.writeString(path, text + "\n");
    return text;
  }

  private static String peer(String name, int number, String publicKey, String more) {
    return GatewayYaml.entry(
        name,
        "endpoint: '192.0.2." + number + ":4500'",
        "publicKey: " + publicKey,
        "allowedIps: [10.66." + number + ".0/24]",
        more);
  }

  private void configure(int port, String... peers) throws IOException {
    GatewayYaml.of("cv0", "listenPort: " + port)
        .with("engine: esp", "esp: {keying: noise}", "identity: {privateKeyFile: private.key}")
        .with("internal: [192.0.2.1]", "podCIDRs: [10.66.1.0/24]")
        .peers(peers)
        .write(file);
  }

  private GatewayView status() throws IOException {
    return Objects.requireNonNull(machine.adminClient().call("cv0", Command.STATUS).gateway());
  }

  private List<PeerView> peers() throws IOException {
    return status().peers();
  }

  @Test
  void theKeyIsMadeAtTheFirstStartAndShown() throws Exception {
    String shown;
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      shown = Objects.requireNonNull(status().publicKey());
      assertEquals("noise", Objects.requireNonNull(status().esp()).keying());
      PeerView peer = peers().getFirst();
      assertEquals("b", peer.label());
      assertEquals(ofB, peer.publicKey());
      assertFalse(peer.presharedKey());
      assertEquals(null, peer.lastHandshake());
      assertFalse(daemon.wasStopped());
    }
    byte[] key =
        Base64.getDecoder().decode(Files.readString(directory.resolve("private.key")).strip());
    assertEquals(shown, Base64.getEncoder().encodeToString(X25519.publicKey(key)));
  }

  @Test
  void aReloadAddsAndRemovesPeersAndChangesTheirKeys() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      configure(
          4500,
          peer("b", 2, ofB, "presharedKeyFile: psk"),
          peer("c", 3, ofC, "persistentKeepalive: 25"));
      daemon.reload();
      assertTrue(peers().getFirst().presharedKey());
      assertEquals(ofC, peers().getLast().publicKey());
      assertEquals(25, peers().getLast().persistentKeepalive());
      configure(4500, peer("b", 2, ofC, ""));
      daemon.reload();
      assertEquals(1, peers().size());
      assertEquals(ofC, peers().getFirst().publicKey());
      assertFalse(peers().getFirst().presharedKey());
    }
  }

  @Test
  void aReloadThatFailsLeavesTheKeysOfPeers() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      configure(1, peer("b", 2, ofB, "presharedKeyFile: psk"));
      assertThrows(IOException.class, daemon::reload, "port 1 is in use");
      assertFalse(peers().getFirst().presharedKey());
      configure(4500, peer("b", 2, ofB, "presharedKeyFile: none"));
      assertThrows(ConfigException.class, daemon::reload, "no such file");
      assertFalse(peers().getFirst().presharedKey());
      configure(4500, peer("b", 2, ofB, "presharedKeyFile: psk"));
      daemon.reload();
      assertTrue(peers().getFirst().presharedKey());
    }
  }

  @Test
  void anotherPrivateKeyNeedsANewStart() throws Exception {
    String before;
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      before = Objects.requireNonNull(status().publicKey());
      secret("private.key");
      assertThrows(ConfigException.class, daemon::reload);
      assertEquals(before, status().publicKey());
    }
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertNotEquals(before, status().publicKey());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void anotherKeyingNeedsANewStart() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      GatewayYaml.of("cv0")
          .with("engine: esp", "esp: {keying: manual}")
          .with("internal: [192.0.2.1]", "podCIDRs: [10.66.1.0/24]")
          .write(file);
      assertThrows(ConfigException.class, daemon::reload);
      assertEquals("b", peers().getFirst().label());
    }
  }

  @Test
  void aPeerWithThisNodesKeyIsRefusedAndLeavesOnlyTheGuard() throws Exception {
    byte[] own = Base64.getDecoder().decode(secret("private.key"));
    configure(4500, peer("b", 2, Base64.getEncoder().encodeToString(X25519.publicKey(own)), ""));
    ConfigException refusal =
        assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(
        file + ":11: spec.peers[0].publicKey: is this node's own public key", refusal.getMessage());
    assertEquals(List.of("keep [10.66.2.0/24]", "leave"), network.calls());
  }

  @Test
  void theAdminSocketTellsNoSecret() throws Exception {
    String own = secret("private.key");
    String shared = secret("psk");
    configure(4500, peer("b", 2, ofB, "presharedKeyFile: psk"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      String all = status().toString();
      assertTrue(all.contains(ofB), all);
      assertFalse(all.contains(own));
      assertFalse(all.contains(shared));
      assertNotEquals(own, shared);
      assertFalse(daemon.wasStopped());
    }
  }
}
