// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code culvert upgrade}: who is told of its success and its failure, and where. */
@Tag("integration")
final class UpgradeTest {
  private static final String METRICS = "127.0.0.1:9586";

  @TempDir private Path folder;

  private final String device = "cvu" + ProcessHandle.current().pid() % 1_000_000;
  private final Path log = Path.of("/var/log/culvert", device + ".log");
  private Path file;
  private Namespaces namespaces;
  private Namespace node;
  private Daemon former;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("curl");
  }

  @BeforeEach
  void start() throws IOException {
    file = folder.resolve("gateway.yaml");
    write("identity: {privateKeyFile: private.key}");
    Path launcher = folder.resolve("launcher");
    Files.writeString(
        launcher,
        Culvert.command().stream()
            .map(word -> "'" + word + "'")
            .collect(Collectors.joining(" ", "#!/bin/bash\nexec ", " \"$@\"\n")));
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwx------"));
    namespaces = Namespaces.ofThisProcess("upgrade");
    node = namespaces.create("node");
    node.up("lo");
    former =
        node.start(
            Map.of("CULVERT_DETACHED", "1", "CULVERT_LAUNCHER", launcher.toString()),
            Culvert.command("up", "-d", file.toString()));
    former.awaitOutput("culvert: ready");
  }

  @AfterEach
  void end() throws IOException {
    try {
      culvert("down", device).orThrow();
      former.awaitEnd(Commands.PATIENCE);
    } finally {
      former.close();
      namespaces.close();
      Files.deleteIfExists(log);
    }
  }

  private void write(String identity) throws IOException {
    GatewayYaml.of(device)
        .with(identity)
        .with("observability: {listen: \"" + METRICS + "\"}")
        .write(file);
  }

  private Commands.Result culvert(String... arguments) {
    return node.attempt(ReplacedGateway.PATIENCE, Map.of(), Culvert.command(arguments));
  }

  private String process() {
    return culvert("status", device, "-o", "json")
        .orThrow()
        .out()
        .lines()
        .filter(line -> line.contains("\"process\""))
        .map(line -> line.replace(",", ""))
        .findFirst()
        .orElseThrow();
  }

  private long failedHandovers() {
    String name = "culvert_handover_total{interface=\"" + device + "\",result=\"failed\"} ";
    return node.run("curl", "-sS", "http://" + METRICS + "/metrics")
        .out()
        .lines()
        .filter(line -> line.startsWith(name))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(name.length())))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void theLogTellsWhoHandedOverToWhom() throws IOException {
    Commands.Result upgraded = culvert("upgrade", device).orThrow();
    assertEquals(0, former.awaitEnd(ReplacedGateway.PATIENCE), former::output);
    String told = Files.readString(log);
    assertTrue(told.contains("rehearsed for "), told);
    assertTrue(told.contains(device + " was taken over from another process"), told);
    String successor = upgraded.out().replaceAll(".* served by process ([0-9]+) .*\n", "$1");
    assertTrue(told.contains(device + " was handed over to process " + successor), told);
  }

  /** With another key, the node would be another one to its peers. */
  @Test
  void aKeyThatIsMissingIsNotMadeAnewByAnUpgradeOrAReload() throws IOException {
    String before = process();
    Path key = folder.resolve("private.key");
    Path away = folder.resolve("away");
    Files.move(key, away);
    for (String command : new String[] {"upgrade", "reload"}) {
      Commands.Result refused = culvert(command, device);
      assertNotEquals(0, refused.exitCode(), refused::toString);
      assertTrue(refused.err().contains(key + " does not exist"), refused::err);
    }
    assertFalse(Files.readString(log).contains("rehearsed for"), "it is refused before");
    assertFalse(Files.exists(key));
    assertEquals(before, process());
    Files.move(away, key);
  }

  @Test
  void aSuccessorThatRefusesTheFileIsToldOfWhereverOneLooksAndCountedOnce() throws IOException {
    String before = process();
    write("identity: {privateKeyFil: private.key}");
    for (String name : new String[] {device, file.toString()}) {
      Commands.Result refused = culvert("upgrade", name);
      assertEquals(3, refused.exitCode(), refused::toString);
      assertTrue(refused.err().contains("privateKeyFil"), refused::err);
      assertFalse(refused.err().matches("(?s).*goes on.*goes on.*"), refused::err);
    }
    assertEquals(before, process());
    assertEquals(1, failedHandovers());
    String status = culvert("status", device).orThrow().out();
    assertTrue(status.contains("not upgraded"), status);
    assertTrue(Files.readString(log).contains(device + " was not upgraded: "));
    write("identity: {privateKeyFile: private.key}");
    culvert("upgrade", device).orThrow();
    assertFalse(culvert("status", device).orThrow().out().contains("not upgraded"));
    assertEquals(1, failedHandovers(), "the count goes on in the new process");
  }
}
