// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.RawUapi;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Namespaces.End;
import dev.culvert.lab.net.Pings;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code wg-quick up} and {@code down} with us as its userspace implementation, at both ends. */
@Tag("integration")
final class WgQuickTest {
  @TempDir Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("wg-quick");
  }

  @Test
  void aTunnelComesUpAndGoesDownWithoutATrace() throws IOException {
    String device = "cvq" + ProcessHandle.current().pid() % 100_000;
    try (Namespaces namespaces = Namespaces.ofThisProcess("quick")) {
      Namespace left = namespaces.create("left");
      Namespace right = namespaces.create("right");
      Namespaces.connect(new End(left, "wire0"), new End(right, "wire0"));
      left.address("wire0", "192.0.2.1/24");
      right.address("wire0", "192.0.2.2/24");
      WgNode.Keys leftKeys = WgNode.Keys.generate();
      WgNode.Keys rightKeys = WgNode.Keys.generate();
      Path leftFile = configuration(device + "l", leftKeys, rightKeys, 1, 2);
      Path rightFile = configuration(device + "r", rightKeys, leftKeys, 2, 1);

      wgQuick(left, "up", leftFile);
      wgQuick(right, "up", rightFile);
      Commands.Result ping = Pings.send(left, 3, "0.2", "10.98.0.2");
      assertTrue(Pings.allAnswered(ping, 3), ping::toString);
      assertTrue(right.attempt("ping", "-n", "-c", "1", "fd98::1").succeeded());
      assertEquals("1380", left.run("cat", "/sys/class/net/" + device + "l/mtu").out().strip());

      List<Long> daemons = left.pids();
      wgQuick(left, "down", leftFile);
      assertTrue(
          Waiting.until(
              Commands.PATIENCE,
              () -> daemons.stream().noneMatch(pid -> ProcessHandle.of(pid).isPresent())),
          "the daemon ends");
      assertFalse(Files.exists(RawUapi.socket(device + "l")), "the socket's file");
      wgQuick(right, "down", rightFile);
    }
  }

  private Path configuration(
      String device, WgNode.Keys own, WgNode.Keys other, int host, int otherHost)
      throws IOException {
    Path file =
        Files.createFile(
            folder.resolve(device + ".conf"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    return Files.writeString(
        file,
        """
        [Interface]
        PrivateKey = %s
        ListenPort = 51820
        Address = 10.98.0.%d/24, fd98::%d/64
        MTU = 1380

        [Peer]
        PublicKey = %s
        AllowedIPs = 10.98.0.%d/32, fd98::%d/128
        Endpoint = 192.0.2.%d:51820
        """
            .formatted(
                own.privateKey(), host, host, other.publicKey(), otherHost, otherHost, otherHost));
  }

  private static void wgQuick(Namespace namespace, String verb, Path file) {
    Map<String, String> environment =
        Map.of("WG_QUICK_USERSPACE_IMPLEMENTATION", Launchers.userspaceImplementation());
    namespace
        .attempt(Commands.PATIENCE, environment, List.of("wg-quick", verb, file.toString()))
        .orThrow();
  }
}
