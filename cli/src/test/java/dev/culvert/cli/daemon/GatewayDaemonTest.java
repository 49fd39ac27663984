package dev.culvert.cli.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.admin.AdminMessage.Command;
import dev.culvert.cli.config.ConfigException;
import dev.culvert.cli.testing.FakeDevice;
import dev.culvert.cli.testing.FakeEspDevice;
import dev.culvert.cli.testing.FakeNetwork;
import dev.culvert.routing.Prefix;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GatewayDaemonTest {
  private static final String A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  private final FakeNetwork network = new FakeNetwork();
  private final List<FakeDevice> devices = new ArrayList<>();

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    machine =
        new Machine(
            (name, mtu, lanes) -> {
              network.note("open " + name);
              FakeDevice device = new FakeDevice(name);
              devices.add(device);
              return device;
            },
            FakeEspDevice::new,
            network,
            directory.resolve("wg"),
            directory.resolve("run"),
            directory.resolve("sequences"));
    write("mtu: 1400, addresses: [10.66.0.1/24]", peer("a", A, "10.66.2.0/24"));
  }

  private static String peer(String name, String key, String range) {
    return "    - {name: " + name + ", publicKey: " + key + ", allowedIps: [" + range + "]}\n";
  }

  private void write(String link, String... peers) throws IOException {
    Files.writeString(
        file,
        "apiVersion: culvert.dev/v1alpha1\nkind: Gateway\nspec:\n  interface: {name: cv0, "
            + link
            + "}\n  identity: {privateKeyFile: key}\n  cluster: {cidrs: [10.66.0.0/16]}\n  peers:\n"
            + String.join("", peers));
  }

  private FakeDevice device() {
    return devices.getLast();
  }

  @Test
  void theGuardComesBeforeTheDeviceAndTheRoutesLast() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(daemon.wasStopped());
      assertEquals(
          List.of(
              "guard [10.66.0.0/16, 10.66.2.0/24]",
              "open cv0",
              "link cv0 1400 +[10.66.0.1/24] -[]",
              "route cv0 [10.66.2.0/24]"),
          network.calls());
      assertEquals(1, device().updates().size());
      assertTrue(Files.exists(directory.resolve("key")), "the identity was made");
    }
    assertTrue(device().isClosed());
    assertFalse(network.calls().toString().contains("unguard"), "the guard outlives the gateway");
    assertEquals(
        Set.of(Prefix.parse("10.66.0.0/16"), Prefix.parse("10.66.2.0/24")),
        machine.runState().guarded("cv0"));
  }

  @Test
  void aFileThatIsRefusedTouchesNothing() throws IOException {
    write("mtu: 1", peer("a", A, "10.66.2.0/24"));
    assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(List.of(), network.calls());
    assertFalse(machine.runState().exists("cv0"));
  }

  @Test
  void aStartThatFailsLeavesOnlyTheGuard() throws IOException {
    write("listenPort: 1", peer("a", A, "10.66.2.0/24"));
    assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(device().isClosed());
    assertEquals(List.of("guard [10.66.0.0/16, 10.66.2.0/24]", "open cv0"), network.calls());
    assertTrue(machine.runState().exists("cv0"), "so that culvert down can lift it");
    assertFalse(Files.exists(directory.resolve("wg/cv0.sock")));
  }

  @Test
  void aSecondGatewayOfTheSameNameIsRefused() throws Exception {
    try (GatewayDaemon first = GatewayDaemon.start(file, machine)) {
      network.clear();
      assertThrows(FileAlreadyExistsException.class, () -> GatewayDaemon.start(file, machine));
      assertEquals(List.of(), network.calls());
      assertFalse(device().isClosed());
      assertFalse(first.wasStopped());
    }
  }

  @Test
  void aReloadAppliesTheDifferenceAndKeepsOldGuards() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      write("addresses: [10.66.0.9/24]", peer("b", B, "10.67.0.0/16"));
      daemon.reload();
      assertEquals(
          List.of(
              "guard [10.66.0.0/16, 10.66.2.0/24, 10.67.0.0/16]",
              "link cv0 0 +[10.66.0.9/24] -[10.66.0.1/24]",
              "unroute cv0 [10.66.2.0/24]",
              "route cv0 [10.67.0.0/16]"),
          network.calls());
      assertEquals(2, device().updates().getLast().peers().size(), "one goes, one comes");
      assertFalse(device().updates().getLast().replacePeers());
    }
  }

  @Test
  void aReloadThatChangesNothingDoesNotTouchTheDevice() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      daemon.reload();
      assertEquals(1, device().updates().size());
    }
  }

  @Test
  void aReloadThatIsRefusedKeepsTheRunningState() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      write("mtu: 1", peer("b", B, "10.67.0.0/16"));
      assertThrows(ConfigException.class, daemon::reload);
      daemon.reloadLogged();
      IOException refusal =
          assertThrows(IOException.class, () -> machine.adminClient().call("cv0", Command.RELOAD));
      assertEquals(file + ":4: spec.interface.mtu: 1 is not in 576 to 65535", refusal.getMessage());
      write("lanes: 3", peer("a", A, "10.66.2.0/24"));
      assertThrows(ConfigException.class, daemon::reload);
      write("listenPort: 1", peer("b", B, "10.67.0.0/16"));
      assertThrows(IOException.class, daemon::reload);
      assertEquals(1, device().updates().size());
      assertFalse(network.calls().toString().contains("route"), network.calls()::toString);
    }
  }

  @Test
  void theAdminSocketTellsNoSecrets() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      String status = machine.adminClient().call("cv0", Command.STATUS).toString();
      String secret = Files.readString(directory.resolve("key")).strip();
      assertFalse(status.contains(secret));
      assertTrue(status.contains("name=a"), status);
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void stopEndsTheWait() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      machine.adminClient().call("cv0", Command.STOP);
      daemon.awaitClosed();
      assertTrue(daemon.wasStopped());
    }
    assertFalse(machine.adminClient().isRunning("cv0"));
  }

  @Test
  void routesThatAreRefusedEndTheStart() {
    network.failing(true);
    assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(device().isClosed());
    assertFalse(Files.exists(directory.resolve("wg/cv0.sock")));
  }
}
