// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.PeerBeyond;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.Unprivileged;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Commands of user nobody about a gateway of root say that it belongs to root, never that it does
 * not run.
 */
@Tag("integration")
final class OtherUserTest {
  private static final String DEVICE = "cvo" + ProcessHandle.current().pid() % 100_000;

  @TempDir private static Path folder;

  private static Namespaces namespaces;
  private static Namespace namespace;
  private static Path file;
  private static Daemon gateway;

  @BeforeAll
  static void startAsRoot() throws IOException {
    Requirements.namespaces();
    Requirements.tool("setpriv");
    Launchers.culvert();
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    namespaces = new Namespaces("cvo-" + ProcessHandle.current().pid() + "-");
    namespace = namespaces.create("node");
    PeerBeyond.underlay(namespace);
    file =
        PeerBeyond.gateway(DEVICE, folder.resolve("private.key").toString())
            .write(folder.resolve("gateway.yaml"));
    gateway = namespace.start(Launchers.culvert(), "up", file.toString());
    gateway.await(
        "answers",
        Commands.PATIENCE,
        () -> namespace.attempt(Launchers.culvert(), "status", DEVICE).succeeded());
  }

  @AfterAll
  static void removeAll() {
    if (gateway != null) {
      namespace.attempt(Launchers.culvert(), "down", file.toString());
      gateway.close();
    }
    if (namespaces != null) {
      namespaces.close();
    }
  }

  private static Commands.Result asNobody(String... arguments) {
    return Unprivileged.inShell(
        namespace,
        Unprivileged.SHOWN
            + "mkdir /mnt/files; mount --bind "
            + folder
            + " /mnt/files; cd /mnt/files; exec \"$@\"",
        Unprivileged.culvert(arguments));
  }

  /** FILE stands for the configuration. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "status IFACE",
        "peers IFACE",
        "upgrade IFACE",
        "reload FILE",
        "audit IFACE",
        "down IFACE --if-up",
        "up FILE",
        "up FILE --replace",
        "guard FILE",
        "bundle IFACE",
        "wg -f IFACE",
        "wg -f IFACE --replace"
      })
  void eachCommandAboutItSaysThatItBelongsToRoot(String command) {
    Commands.Result result =
        asNobody(command.replace("IFACE", DEVICE).replace("FILE", "./gateway.yaml").split(" ", -1));
    assertEquals(1, result.exitCode(), result::toString);
    assertTrue(result.err().contains(DEVICE + ".sock belongs to user root"), result::toString);
    assertTrue(result.err().contains("permission denied"), result::toString);
    assertFalse(result.err().contains("down"), result::toString);
    assertEquals(1, result.err().lines().count(), result::toString);
    assertTrue(namespace.attempt(Launchers.culvert(), "status", DEVICE).succeeded(), "it goes on");
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "peers", "sas"})
  void aListNamesItAsNotShown(String command) {
    Commands.Result result = asNobody(command);
    assertEquals(1, result.exitCode(), result::toString);
    assertTrue(result.err().contains("culvert: " + DEVICE + " is not shown: "), result::toString);
    assertFalse(result.out().contains("running"), result::toString);
    Commands.Result json = asNobody(command, "-o", "json");
    assertTrue(json.out().strip().startsWith("["), json::toString);
    assertEquals(result.err(), json.err());
  }

  @Test
  void doctorKnowsOfItsSocket() {
    Commands.Result result = asNobody("doctor");
    assertTrue(
        result
            .out()
            .replaceAll("\\s+", " ")
            .matches(".*of other users, so that this is not known: .*" + DEVICE + "\\.sock.*"),
        result::toString);
  }
}
