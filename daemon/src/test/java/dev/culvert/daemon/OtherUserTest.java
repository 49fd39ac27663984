// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.socket.OtherUserException;
import dev.culvert.daemon.testing.AnotherUser;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A gateway of another user is never taken for one that does not run: a start changes nothing, and
 * says whose it is.
 */
@SuppressWarnings("try") // gateways that only have to be there
final class OtherUserTest {
  private final FakeNetwork network = new FakeNetwork();

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    file = directory.resolve("gw.yaml");
    machine = FakeMachine.in(directory, new FakeTunnels(), network);
    GatewayYaml.of("cv0", "listenPort: 7")
        .with("identity: {privateKeyFile: key}")
        .peers(
            GatewayYaml.entry(
                "b",
                "publicKey: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
                "endpoint: '192.0.2.1:8'",
                "allowedIps: [10.1.0.0/16]"))
        .write(file);
    Objects.requireNonNull(new OtherUserException(file).getMessage(), "loads the class");
  }

  private static String refusal(Callable<?> start) {
    return assertThrows(OtherUserException.class, () -> AnotherUser.call(start)).getMessage();
  }

  @Test
  void aStartBesideAGatewayOfAnotherUserSaysWhoseItIs() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertThrows(AlreadyRunsException.class, () -> GatewayDaemon.start(file, machine));
      network.clear();
      List<String> refusals =
          List.of(
              refusal(() -> GatewayDaemon.start(file, machine)),
              refusal(() -> GatewayDaemon.replace(file, machine, ServiceManager.NONE, () -> {})));
      for (String refusal : refusals) {
        assertTrue(refusal.contains("cv0.sock belongs to user root"), refusal);
        assertTrue(refusal.endsWith("(permission denied); run this as root"), refusal);
      }
      assertEquals(List.of(), network.calls());
      assertTrue(machine.adminClient().isRunning("cv0"), "it goes on");
    }
  }

  @Test
  void anOwnNoteThatIsAnotherUsersIsNamedBeforeOthersAndBeforeTheInterface() throws Exception {
    machine.runState().write("another", file);
    machine.runState().write("cv0", file);
    network.interfaceIsForeign("it is no TUN device");
    assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    String refusal = refusal(() -> GatewayDaemon.start(file, machine));
    assertTrue(refusal.contains("cv0.guard belongs to user root"), refusal);
    assertTrue(machine.runState().exists("cv0"));
  }
}
