// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.EspView;
import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.state.KeyFileWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code culvert up} with {@code engine: esp}. */
final class EspGatewayDaemonTest {
  private final FakeNetwork network = new FakeNetwork();
  private final Random random = new Random(7);
  private final Map<String, List<IpAddress>> hosts = new ConcurrentHashMap<>();

  @TempDir private Path directory;
  private Path file;
  private Path keys;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    keys = directory.resolve("keys");
    machine =
        FakeMachine.in(
            directory,
            new FakeTunnels(options -> network.note("open " + options.interfaceName())),
            network,
            host -> hosts.getOrDefault(host, List.of()));
    secret(keys, KeyFile.newLine(3, 16, random));
    configure("keyFile: keys", "");
  }

  private static void secret(Path path, byte[] text) throws IOException {
    Files.deleteIfExists(path);
    Files.createFile(
        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.write(path, text);
  }

  private void configure(String esp, String sas) throws IOException {
    GatewayYaml.of("cv0")
        .with("engine: esp", "clusterCIDRs: [10.66.0.0/16]")
        .with("internal: [192.0.2.1]", "podCIDRs: [10.66.1.0/24]", "esp: {" + esp + "}")
        .peers(
            GatewayYaml.entry("b", "endpoint: '192.0.2.2:4500'", "allowedIps: [10.66.2.0/24]", sas))
        .write(file);
  }

  private GatewayView status() throws IOException {
    return Objects.requireNonNull(machine.adminClient().call("cv0", Command.STATUS).gateway());
  }

  private EspView esp() throws IOException {
    return Objects.requireNonNull(status().esp());
  }

  private GlobalKeyView globalKey() throws IOException {
    return Objects.requireNonNull(esp().globalKey());
  }

  /** A reload looks at the key file at once; else that takes up to a second. */
  private void reload() throws IOException {
    machine.adminClient().call("cv0", Command.RELOAD);
  }

  @Test
  void theGuardComesFirstAndWgSeesNoDevice() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(
          List.of(
              "keep [10.66.2.0/24, 10.66.0.0/16]",
              "open cv0",
              "update [10.66.2.0/24, 10.66.0.0/16]"),
          network.calls());
      assertEquals(4500, network.plan().guard().outer().udpPort());
      assertEquals("[192.0.2.1/32]", network.plan().guard().localNode().toString());
      assertEquals("[10.66.1.0/24]", network.plan().guard().localPods().toString());
      assertEquals(1438, network.plan().links().getFirst().mtu(), "ESP's, over IPv4 in UDP");
      assertFalse(Files.exists(directory.resolve("wg")), "no UAPI socket");
      assertEquals("esp", status().engine());
      assertEquals(4500, status().listenPort());
      assertEquals("b", status().peers().getFirst().label());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aNewKeyInTheFileIsPublished() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(3, globalKey().published());
      assertEquals(4, KeyFileWriter.rotate(keys, random));
      reload();
      assertEquals(4, globalKey().published());
      assertTrue(globalKey().held().contains(4));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aSecretThatIsSwappedByItsLinkIsFollowed() throws Exception {
    Path first = Files.createDirectory(directory.resolve("..1"));
    Path second = Files.createDirectory(directory.resolve("..2"));
    secret(first.resolve("keys"), Files.readAllBytes(keys));
    secret(second.resolve("keys"), Files.readAllBytes(keys));
    KeyFileWriter.rotate(second.resolve("keys"), random);
    Files.createSymbolicLink(directory.resolve("..data"), first);
    Files.delete(keys);
    Files.createSymbolicLink(keys, Path.of("..data/keys"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      reload();
      assertEquals(3, globalKey().published());
      Path swap = Files.createSymbolicLink(directory.resolve("..tmp"), second);
      Files.move(swap, directory.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
      reload();
      assertEquals(4, globalKey().published());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aKeyFileThatIsRefusedIsReportedAndTheKeysInUseStay() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      byte[] before = Files.readAllBytes(keys);
      secret(
          keys,
          "3 rfc4106(gcm(aes)) 00 128\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
      assertThrows(IOException.class, this::reload, "the configuration names a bad file");
      daemon.reloadLogged();
      assertEquals(3, globalKey().published());
      secret(keys, KeyFile.newLine(3, 16, random));
      reload();
      assertEquals(
          keys + ": key id 3 is in use with another key: a new key needs a new id",
          globalKey().refusal());
      secret(keys, before);
      reload();
      assertEquals(null, globalKey().refusal());
    }
  }

  @Test
  void aMissingKeyFileRefusesTheStartAndLeavesOnlyTheGuard() throws IOException {
    Files.delete(keys);
    ConfigException refusal =
        assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(
        keys + ": the key file does not exist; make one with: culvert key gen --esp",
        refusal.getMessage());
    assertEquals(List.of("keep [10.66.2.0/24, 10.66.0.0/16]", "leave"), network.calls());
  }

  @Test
  void theEngineChangesOnlyWithANewStart() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      GatewayYaml.of("cv0").write(file);
      assertThrows(ConfigException.class, daemon::reload);
      configure("keyFile: keys, esn: false", "");
      assertThrows(ConfigException.class, daemon::reload);
      assertTrue(esp().esn());
    }
  }

  private void configureManual() throws IOException {
    secret(directory.resolve("in"), KeyFile.newLine(1, 16, random));
    secret(directory.resolve("out"), KeyFile.newLine(1, 32, random));
    configure(
        "keying: manual",
        "inbound: {spi: 0x101, keyFile: in}, outbound: {spi: 0x102, keyFile: out}");
  }

  @Test
  void manualSasAreSentUnderOnceEnrolled() throws Exception {
    configureManual();
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals("manual", esp().keying());
      assertEquals(null, esp().globalKey());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aPeerIsWhereItsNameIsOnceThatResolvesAndMovesWithIt() throws Exception {
    configureManual();
    Files.writeString(file, Files.readString(file).replace("192.0.2.2:4500", "b.example:4500"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(List.of(), status().peers());
      assertTrue(
          network.plan().guard().toString().contains("10.66.2.0/24"), "guarded all the same");
      hosts.put("b.example", List.of(IpAddress.parse("192.0.2.2")));
      daemon.reload();
      assertEquals("192.0.2.2:4500", status().peers().getFirst().endpoint());
      hosts.put("b.example", List.of(IpAddress.parse("192.0.2.3")));
      daemon.reload();
      assertEquals("192.0.2.3:4500", status().peers().getFirst().endpoint());
      hosts.clear();
      daemon.reload();
      assertEquals("192.0.2.3:4500", status().peers().getFirst().endpoint());
      assertEquals(1, Collections.frequency(network.calls(), "open cv0"), "one device, one keying");
    }
  }

  @Test
  void oneKeyForBothDirectionsIsRefusedAndLeavesOnlyTheGuard() throws Exception {
    configure(
        "keying: manual",
        "inbound: {spi: 0x101, keyFile: keys}, outbound: {spi: 0x102, keyFile: keys}");
    ConfigException refusal =
        assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(
        file
            + ":11: spec.peers[0].outbound.keyFile: this key serves another direction or peer"
            + " already",
        refusal.getMessage());
    assertEquals(List.of("keep [10.66.2.0/24, 10.66.0.0/16]", "leave"), network.calls());
  }

  @Test
  void theAdminSocketTellsNoKey() throws Exception {
    String line = Files.readString(keys);
    String secret = line.split(" ", -1)[2];
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(status().toString().contains(secret.substring(0, 8)));
      assertFalse(daemon.wasStopped());
    }
  }
}
