// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranges guarded before a gateway runs, and by a start that fails. */
final class BootGuardTest {
  private static final String KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String OTHER = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  private final FakeNetwork network = new FakeNetwork();

  @TempDir private Path directory;
  private Path file;
  private Path nodes;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    nodes = directory.resolve("nodes.yaml");
    machine = FakeMachine.in(directory, new FakeTunnels(), network);
    writeGateway();
  }

  private void writeGateway() throws IOException {
    GatewayYaml.of("cv0")
        .with("identity: {privateKeyFile: key}", "node: a", "clusterCIDRs: [10.42.0.0/16]")
        .with("discovery: {file: nodes.yaml}")
        .write(file);
  }

  private void writeNodes(String... more) throws IOException {
    Files.writeString(nodes, GatewayYaml.nodesFile(node("a", 1, KEY), node("b", 2, OTHER, more)));
  }

  private static String node(String name, int number, String publicKey, String... more) {
    String[] settings = Arrays.copyOf(more, more.length + 3);
    settings[more.length] = "internal: [192.0.2." + number + "]";
    settings[more.length + 1] = "podCIDRs: [10.42." + number + ".0/24]";
    settings[more.length + 2] = "publicKey: " + publicKey;
    return GatewayYaml.entry(name, settings);
  }

  @Test
  void neitherKeysNorNamesAreNeeded() throws Exception {
    writeNodes("endpoint: 'no-such-name.invalid:1'", "presharedKeyFile: absent");
    BootGuard guard = BootGuard.load(file, machine);
    assertEquals(List.of("load [10.42.2.0/24, 192.0.2.2/32, 10.42.0.0/16]"), network.calls());
    assertEquals(List.of(), guard.missed());
    assertEquals(file, machine.runState().configuration("cv0").orElseThrow(), "for culvert down");
    assertFalse(Files.exists(directory.resolve("key")), "the identity is left to the gateway");
  }

  @Test
  void theNodesThatAGatewayUsedLastAreGuardedWhenTheirFileIsNotThereYet() throws Exception {
    writeNodes();
    GatewayDaemon.start(file, machine).close();
    Files.delete(nodes);
    network.clear();
    BootGuard guard = BootGuard.load(file, machine);
    assertEquals(List.of("load [10.42.2.0/24, 192.0.2.2/32, 10.42.0.0/16]"), network.calls());
    assertEquals(1, guard.missed().size());
    assertTrue(guard.missed().getFirst().contains("nodes.yaml"), guard.missed()::toString);
  }

  @Test
  void theClusterIsGuardedWhenNoNodeIsKnown() throws Exception {
    BootGuard guard = BootGuard.load(file, machine);
    assertEquals(List.of("load [10.42.0.0/16]"), network.calls());
    assertEquals(List.of("10.42.0.0/16"), guard.ranges());
    assertEquals(2, guard.missed().size(), "the file and the remembered ranges");
  }

  @Test
  void aGuardThatStandsIsNotReplacedByOneThatKnowsNoNode() throws Exception {
    writeNodes();
    BootGuard.load(file, machine);
    Files.delete(nodes);
    network.clear();
    assertTrue(BootGuard.load(file, machine).kept());
    assertEquals(List.of(), network.calls());
    writeNodes();
    assertFalse(BootGuard.load(file, machine).kept());
    assertEquals(List.of("load [10.42.2.0/24, 192.0.2.2/32, 10.42.0.0/16]"), network.calls());
  }

  @Test
  void aFileThatIsRefusedOrGuardsNothingTouchesNothing() throws Exception {
    Files.writeString(file, "nonsense: 1\n");
    assertThrows(ConfigException.class, () -> BootGuard.load(file, machine));
    writeGateway();
    Files.writeString(file, Files.readString(file).replace("  clusterCIDRs: [10.42.0.0/16]\n", ""));
    assertThrows(IOException.class, () -> BootGuard.load(file, machine), "nothing is known");
    writeGateway();
    Files.writeString(
        file, Files.readString(file).replace("name: cv0", "name: cv0, routes: false"));
    assertThrows(ConfigException.class, () -> BootGuard.load(file, machine));
    assertEquals(List.of(), network.calls());
    assertFalse(machine.runState().exists("cv0"));
  }

  @Test
  @SuppressWarnings("try") // a gateway that only has to be there
  void aGatewayThatRunsKeepsItsOwnGuard() throws Exception {
    writeNodes();
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      assertThrows(FileAlreadyExistsException.class, () -> BootGuard.load(file, machine));
      assertEquals(List.of(), network.calls());
    }
  }

  @Test
  void aStartWhoseKeysCannotBeReadLeavesTheGuard() throws Exception {
    writeNodes("presharedKeyFile: absent");
    assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(
        List.of("keep [10.42.2.0/24, 192.0.2.2/32, 10.42.0.0/16]", "leave"), network.calls());
  }

  @Test
  void aStartWithoutTheFileOfNodesGuardsTheCluster() throws Exception {
    assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(List.of("load [10.42.0.0/16]"), network.calls());
    assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(
        List.of("load [10.42.0.0/16]"), network.calls(), "the standing guard may know more");
  }
}
