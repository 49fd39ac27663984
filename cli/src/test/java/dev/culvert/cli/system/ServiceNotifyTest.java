// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.PeerBeyond;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.daemon.testing.NotifyListener;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gateway started as systemd starts it reports to the manager, and nft gets none of it. */
@Tag("integration")
final class ServiceNotifyTest {
  private static final String DEVICE = "cvn" + ProcessHandle.current().pid() % 100_000;
  private static final String GIVE_UP = "FDSTOREREMOVE=1\nFDNAME=tun-" + DEVICE;
  private static final String READY = "READY=1\nSTATUS=ready";

  @TempDir private Path folder;

  private final WgNode.Keys keys = WgNode.Keys.generate();

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("nft");
  }

  /** Stands before nft in PATH, and writes down its environment. */
  private Path nftThatTells() throws IOException {
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Path nft = bin.resolve("nft");
    Files.writeString(
        nft,
        "#!/bin/sh\nenv >>%s\nexec %s \"$@\"\n"
            .formatted(folder.resolve("environment"), Commands.find("nft").orElseThrow()));
    Files.setPosixFilePermissions(nft, PosixFilePermissions.fromString("rwxr-xr-x"));
    return bin;
  }

  /** As systemd gives it to a service's user: the group's bits are those of an access list. */
  private Path credentials() throws IOException {
    Path credentials = Files.createDirectory(folder.resolve("credentials"));
    Path key = Files.writeString(credentials.resolve("private-key"), keys.privateKey() + "\n");
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("r--r-----"));
    return credentials;
  }

  private Path configuration() throws IOException {
    return PeerBeyond.gateway(DEVICE, "${CREDENTIALS_DIRECTORY}/private-key")
        .write(folder.resolve("gateway.yaml"));
  }

  private Daemon start(Namespace namespace, NotifyListener manager, Path file) throws IOException {
    assertEquals(List.of(), manager.messages());
    Map<String, String> environment =
        Map.of(
            "NOTIFY_SOCKET",
            folder.resolve("notify").toString(),
            "WATCHDOG_USEC",
            "1000000",
            "CREDENTIALS_DIRECTORY",
            credentials().toString(),
            "PATH",
            nftThatTells() + ":" + System.getenv("PATH"));
    List<String> command =
        new ArrayList<>(List.of("sh", "-c", "WATCHDOG_PID=$$ exec \"$@\"", "sh"));
    command.addAll(Culvert.command("up", file.toString()));
    return namespace.start(environment, command);
  }

  private static void await(Daemon gateway, NotifyListener manager, String message, int times) {
    gateway.await(
        times + " of " + message, Commands.PATIENCE, () -> manager.count(message) >= times);
  }

  @Test
  void theManagerHearsTheWholeLifeOfAGatewayAndNftHearsNothingOfTheManager() throws Exception {
    try (Namespaces namespaces = Namespaces.ofThisProcess("notify");
        NotifyListener manager = new NotifyListener(folder.resolve("notify").toString())) {
      Namespace node = namespaces.create("node");
      PeerBeyond.underlay(node);
      Path file = configuration();
      try (Daemon gateway = start(node, manager, file)) {
        await(gateway, manager, READY, 1);
        assertTrue(node.run("nft", "list", "tables").out().contains("inet culvert"));
        Commands.Result shown = node.run("wg", "show", DEVICE, "public-key");
        assertEquals(keys.publicKey(), shown.out().strip(), "the credential is the key");
        await(gateway, manager, "WATCHDOG=1", 2);

        gateway.signal("HUP");
        await(gateway, manager, READY, 2);
        long fed = manager.count("WATCHDOG=1");
        await(gateway, manager, "WATCHDOG=1", (int) fed + 2);
        gateway.signal("TERM");
        assertEquals(0, gateway.awaitEnd(Commands.PATIENCE), gateway::output);
        String last = "STOPPING=1\nSTATUS=stopping; the guard stays";
        assertTrue(Waiting.until(Commands.PATIENCE, () -> manager.count(last) == 1));
      } finally {
        node.attempt(Culvert.command("down", DEVICE).toArray(String[]::new));
      }
      assertSequence(manager.messages());
      String given = Files.readString(folder.resolve("environment"));
      assertTrue(given.contains("PATH="), "nft was asked: " + given);
      for (String variable : List.of("NOTIFY_SOCKET", "WATCHDOG_", "CREDENTIALS_DIRECTORY")) {
        assertFalse(given.contains(variable), given);
      }
    }
  }

  /** The messages in order, and signs of life before and after the reload. */
  private static void assertSequence(List<String> messages) {
    String life = "WATCHDOG=1";
    List<String> others =
        messages.stream()
            .filter(message -> !message.equals(life))
            .map(message -> message.replaceFirst("MONOTONIC_USEC=\\d+", "MONOTONIC_USEC=N"))
            .toList();
    assertEquals(
        List.of(
            "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=starting",
            GIVE_UP,
            "FDSTORE=1\nFDNAME=tun-" + DEVICE + "\nFDPOLL=0",
            READY,
            "RELOADING=1\nMONOTONIC_USEC=N\nSTATUS=reloading",
            READY,
            GIVE_UP,
            "STOPPING=1\nSTATUS=stopping; the guard stays"),
        others);
    int reloaded = messages.lastIndexOf(READY);
    List<String> before = messages.subList(messages.indexOf(READY), reloaded);
    List<String> after = messages.subList(reloaded, messages.size());
    assertTrue(before.contains(life) && after.contains(life), messages::toString);
    assertFalse(messages.subList(0, messages.indexOf(READY)).contains(life), messages::toString);
  }
}
