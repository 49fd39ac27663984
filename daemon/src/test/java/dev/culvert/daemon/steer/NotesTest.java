// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.routing.plan.SysctlPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The notes that a gateway leaves for {@code culvert down} are for their owner alone. */
class NotesTest {
  @TempDir private Path directory;

  private String mode(String name) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(name)));
  }

  @Test
  void othersCanReadNeitherWhichGatewayGuardsNorTheFormerSettings() throws IOException {
    RunState state = new RunState(directory);
    state.write("cv0", directory.resolve("cv0.yaml"));
    FakeNetwork network = new FakeNetwork();
    network.setting("net/ipv4/ip_forward", "0");
    state.settings("cv0").remember(List.of(new SysctlPlan("net/ipv4/ip_forward", "1")), network);
    assertEquals("rw-------", mode("cv0.guard"));
    assertEquals("rw-------", mode("cv0.settings"));
  }
}
