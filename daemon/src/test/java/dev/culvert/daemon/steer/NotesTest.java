// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.routing.plan.SysctlPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The notes that a gateway leaves for {@code culvert down} are for their owner alone, and give the
 * owner no right that root has.
 */
class NotesTest {
  private static final String OURS = "net/ipv4/conf/eth0/src_valid_mark";

  @TempDir private Path directory;

  private String mode(String name) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(name)));
  }

  @Test
  void othersCanReadNeitherWhichGatewayGuardsNorTheFormerSettings() throws IOException {
    RunState state = new RunState(directory);
    state.write("cv0", directory.resolve("cv0.yaml"));
    FakeNetwork network = new FakeNetwork();
    network.setting(OURS, "0");
    state.settings("cv0").remember(List.of(new SysctlPlan(OURS, "1")), network);
    assertEquals("rw-------", mode("cv0.guard"));
    assertEquals("rw-------", mode("cv0.settings"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kernel/core_pattern |/tmp/program core",
        "kernel/panic 0 1",
        "net/ipv4/conf/../../../kernel/panic 0 1",
        "net/ipv4/conf/../src_valid_mark 0 1",
        "net/ipv4/conf/./src_valid_mark 0 1",
        "net/ipv4/conf/a/../src_valid_mark 0 1",
        "net/ipv4/conf/all/src_valid_mark 0 1",
        "net/ipv4/conf/eth1/src_valid_mark |/tmp/program 1",
        "net/ipv4/conf/eth1/src_valid_mark -1 1",
        "net/ipv4/conf/eth1/src_valid_mark 12345678901 1",
      })
  void aLineThatIsNoSettingOfOursIsRefusedAndTheOthersAreRestored(String line) throws IOException {
    FakeNetwork network = new FakeNetwork();
    String[] words = line.split(" ", -1);
    network.setting(words[0], words[2]);
    network.setting(OURS, "1");
    Path file = directory.resolve("cv0.settings");
    Files.writeString(file, line + "\n" + OURS + " 0 1\n");
    FormerSettings settings = new RunState(directory).settings("cv0");

    List<SysctlPlan> plan = List.of(new SysctlPlan(OURS, "1"));
    assertThrows(IOException.class, () -> settings.remember(plan, network));
    IOException refusal = assertThrows(IOException.class, () -> settings.restore(network));
    assertTrue(
        String.valueOf(refusal.getMessage()).contains("lines [1] are refused"), "" + refusal);
    assertFalse(
        String.valueOf(refusal.getMessage()).contains(words[0]), "it may be for a terminal");
    assertEquals(words[2], network.setting(words[0]).orElseThrow());
    assertEquals("0", network.setting(OURS).orElseThrow());
    assertFalse(Files.exists(file));
    settings.restore(network);
  }

  @Test
  void aSettingThatWouldBeRefusedIsNotNoted() throws IOException {
    FakeNetwork network = new FakeNetwork();
    network.setting("kernel/panic", "0");
    RunState state = new RunState(directory);
    state.settings("cv0").remember(List.of(new SysctlPlan("kernel/panic", "1")), network);
    assertFalse(Files.exists(directory.resolve("cv0.settings")));
  }
}
