// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.RawUapi;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The contract of wg-quick and others with a userspace implementation, from its start to its end.
 */
@Tag("integration")
final class UserspaceContractTest {
  private static final AtomicInteger COUNT = new AtomicInteger();

  private static Namespaces namespaces;
  private static Namespace namespace;

  @BeforeAll
  static void makeNamespace() {
    Requirements.namespaces();
    namespaces = new Namespaces("cvc-" + ProcessHandle.current().pid() + "-");
    namespace = namespaces.create("node");
  }

  @AfterAll
  static void removeAll() {
    if (namespaces != null) {
      namespaces.close();
    }
  }

  private static String device() {
    return "cvc" + ProcessHandle.current().pid() % 100_000 + "x" + COUNT.incrementAndGet();
  }

  private static Daemon serve(String device) {
    return WgNode.start(namespace, device, Implementation.underTest(), Map.of());
  }

  private static boolean linkExists(String device) {
    return namespace.attempt("ip", "link", "show", device).succeeded();
  }

  /** The process, the socket and the link are gone. */
  private static void nothingIsLeft(String device, Daemon daemon) {
    daemon.awaitEnd(Commands.PATIENCE);
    assertFalse(Files.exists(RawUapi.socket(device)), "the socket's file");
    assertFalse(linkExists(device), "the link");
  }

  @Test
  void inTheBackgroundItReturnsOnceTheSocketAnswers() {
    String device = device();
    String launcher = Launchers.userspaceImplementation();
    Commands.Result result = namespace.attempt(launcher, device);
    assertEquals(0, result.exitCode(), result::toString);
    assertTrue(namespace.attempt("wg", "show", device).succeeded(), "it answers at once");
    List<Long> daemons = namespace.pids();
    assertFalse(daemons.isEmpty(), "it lives on");
    namespace.ip("link", "del", device);
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> daemons.stream().noneMatch(pid -> ProcessHandle.of(pid).isPresent())),
        "it ends with its link");
    assertFalse(Files.exists(RawUapi.socket(device)));
  }

  @Test
  void inTheBackgroundAFailureIsReported() throws IOException {
    String device = device();
    try (Daemon first = serve(device)) {
      Commands.Result second = namespace.attempt(Launchers.userspaceImplementation(), device);
      assertNotEquals(0, second.exitCode(), second::toString);
      assertNotEquals("", second.err() + second.out(), "says why");
      assertTrue(RawUapi.ask(device, "get=1\n\n").contains("errno=0"), "the first lives");
      assertTrue(first.isAlive());
    }
  }

  @Test
  void deletingTheLinkEndsTheProcess() {
    String device = device();
    try (Daemon daemon = serve(device)) {
      namespace.ip("link", "del", device);
      nothingIsLeft(device, daemon);
    }
  }

  /** As a container runtime takes it: under another name, to another network namespace. */
  @Test
  void aMovedLinkIsServedUntilItIsDeleted() {
    String device = device();
    Namespace elsewhere = namespaces.create("moved");
    try (Daemon daemon = serve(device)) {
      namespace.ip("link", "set", device, "netns", elsewhere.name(), "name", "eth0");
      elsewhere.ip("address", "add", "10.77.0.1/24", "dev", "eth0");
      elsewhere.ip("link", "set", "eth0", "up");
      namespace.ip("link", "add", device, "type", "bridge");
      namespace.ip("link", "del", device);
      namespace.run("wg", "set", device, "listen-port", "45020");
      assertEquals("45020", elsewhere.run("wg", "show", device, "listen-port").out().strip());
      assertTrue(daemon.isAlive());
      elsewhere.ip("link", "del", "eth0");
      nothingIsLeft(device, daemon);
    }
  }

  @Test
  void deletingTheSocketEndsTheProcess() throws IOException {
    String device = device();
    try (Daemon daemon = serve(device)) {
      Files.delete(RawUapi.socket(device));
      nothingIsLeft(device, daemon);
    }
  }

  @Test
  void aTerminationSignalEndsTheProcess() {
    String device = device();
    try (Daemon daemon = serve(device)) {
      daemon.signal("TERM");
      nothingIsLeft(device, daemon);
    }
  }

  @Test
  void aNameThatIsServedIsRefused() throws IOException {
    String device = device();
    try (Daemon first = serve(device)) {
      Daemon second = namespace.start(Map.of(), Implementation.underTest().serving(device));
      assertNotEquals(0, second.awaitEnd(Commands.PATIENCE), second::output);
      assertNotEquals("", second.output(), "says why");
      assertTrue(RawUapi.ask(device, "get=1\n\n").contains("errno=0"), "the first lives");
      assertTrue(first.isAlive());
    }
  }

  @Test
  void aNameThatIsServedInAnotherNamespaceIsRefused() throws IOException {
    String device = device();
    Namespace elsewhere = namespaces.create("elsewhere");
    try (Daemon first = serve(device)) {
      Daemon second = elsewhere.start(Map.of(), Implementation.underTest().serving(device));
      assertNotEquals(0, second.awaitEnd(Commands.PATIENCE), second::output);
      assertTrue(RawUapi.ask(device, "get=1\n\n").contains("errno=0"), "the first lives");
      assertTrue(first.isAlive());
    }
  }

  @Test
  void aStaleSocketIsReplaced() {
    String device = device();
    try (Daemon killed = serve(device)) {
      killed.signal("KILL");
      killed.awaitEnd(Commands.PATIENCE);
    }
    assertTrue(Files.exists(RawUapi.socket(device)), "kill -9 leaves the socket's file");
    try (Daemon daemon = serve(device)) {
      assertTrue(daemon.isAlive());
    }
  }

  @Test
  void aPortInUseIsReportedAndNotShared() {
    String holder = device();
    String late = device();
    try (Daemon first = serve(holder);
        Daemon second = serve(late)) {
      namespace.ip("link", "set", holder, "up");
      namespace.ip("link", "set", late, "up");
      namespace.run("wg", "set", holder, "listen-port", "45001");
      namespace.run("wg", "set", late, "listen-port", "45002");
      Commands.Result result = namespace.attempt("wg", "set", late, "listen-port", "45001");
      assertNotEquals(0, result.exitCode(), "two daemons share a port");
      assertTrue(result.err().contains("Address already in use"), result::err);
      assertEquals("45002", namespace.run("wg", "show", late, "listen-port").out().strip());
      assertEquals("45001", namespace.run("wg", "show", holder, "listen-port").out().strip());
      assertTrue(first.isAlive() && second.isAlive());
    }
  }

  @Test
  void aSetThatFailsChangesNothing() throws IOException {
    String device = device();
    try (Daemon daemon = serve(device)) {
      namespace.run("wg", "set", device, "fwmark", "3", "listen-port", "45010");
      String before = RawUapi.ask(device, "get=1\n\n");
      String peer = "public_key=" + "42".repeat(32) + "\n";
      for (String fault :
          List.of(
              "allowed_ip=10.0.0.0/33\n",
              "endpoint=nowhere\n",
              "persistent_keepalive_interval=65536\n",
              "preshared_key=zz\n",
              "no_such_key=1\n")) {
        String answer =
            RawUapi.ask(device, "set=1\nfwmark=7\nreplace_peers=true\n" + peer + fault + "\n");
        assertTrue(answer.matches("errno=-\\d+\n+"), () -> fault + answer);
        assertEquals(before, RawUapi.ask(device, "get=1\n\n"), fault);
      }
      assertTrue(daemon.isAlive());
    }
  }

  @Test
  void theSocketIsForItsOwnerOnly() throws IOException {
    String device = device();
    try (Daemon daemon = serve(device)) {
      var permissions = Files.getPosixFilePermissions(RawUapi.socket(device));
      assertTrue(
          permissions.stream()
              .noneMatch(p -> p.name().startsWith("GROUP") || p.name().startsWith("OTHERS")),
          permissions::toString);
      assertTrue(daemon.isAlive());
    }
  }
}
