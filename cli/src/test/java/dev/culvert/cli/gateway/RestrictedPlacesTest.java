// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * On a machine that is hardened, starved or bare, the launcher works, or says in one line why not.
 */
@Tag("integration")
final class RestrictedPlacesTest {
  private static final AtomicInteger COUNT = new AtomicInteger();

  private static Namespaces namespaces;
  private static Namespace namespace;

  @TempDir private Path folder;

  @BeforeAll
  static void makeNamespace() {
    Requirements.namespaces();
    namespaces = new Namespaces("cvr-" + ProcessHandle.current().pid() + "-");
    namespace = namespaces.create("node");
  }

  @AfterAll
  static void removeAll() {
    if (namespaces != null) {
      namespaces.close();
    }
  }

  private static String device() {
    return "cvr" + ProcessHandle.current().pid() % 100_000 + "x" + COUNT.incrementAndGet();
  }

  private static Commands.Result inShell(String script, List<String> command) {
    return Unprivileged.inShell(namespace, script, command);
  }

  private static void serves(String device) {
    assertTrue(namespace.attempt("wg", "show", device).succeeded(), "it answers");
    namespace.ip("link", "del", device);
  }

  private static void saysInOneLine(Commands.Result result, String reason) {
    assertEquals(1, result.exitCode(), result::toString);
    assertEquals(1, result.err().lines().count(), result::toString);
    assertTrue(result.err().contains(reason), result::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"noexec,nosuid,nodev", "ro"})
  void startsWithTmpThatTakesNoLibraries(String options) {
    Launchers.culvert();
    String device = device();
    Commands.Result result =
        inShell(
            Unprivileged.SHOWN + "mount -t tmpfs -o " + options + " tmpfs /tmp; exec \"$@\"",
            List.of(Unprivileged.SHOWN_CULVERT, "wg", device));
    assertEquals(0, result.exitCode(), result::toString);
    serves(device);
  }

  @Test
  void startsWithoutHome() {
    String device = device();
    Commands.Result result =
        namespace.attempt(
            "env",
            "-i",
            "PATH=" + System.getenv("PATH"),
            "JAVA_HOME=" + System.getProperty("java.home"),
            Launchers.culvert(),
            "wg",
            device);
    assertEquals(0, result.exitCode(), result::toString);
    serves(device);
  }

  @Test
  void servesAUserWithNoMoreThanNetAdmin() {
    String device = device();
    Launchers.culvert();
    List<String> command = Unprivileged.culvert("wg", device);
    // Which files the user has is the administrator's to say: the TUN device, a place for sockets.
    Commands.Result result =
        inShell(
            Unprivileged.SHOWN
                + "mknod -m 666 /mnt/tun c 10 200;"
                + " mount --bind /mnt/tun /dev/net/tun;"
                + " mkdir -p /var/run/wireguard;"
                + " mount -t tmpfs -o uid=65534,mode=755 tmpfs /var/run/wireguard;"
                + " \"$@\"; wg set "
                + device
                + " listen-port 3333; wg show",
            command);
    assertEquals(0, result.exitCode(), result::toString);
    assertTrue(result.out().contains("listening port: 3333"), result::toString);
    namespace.ip("link", "del", device);
  }

  @Test
  void aUserWithoutAccessIsToldToWhat() {
    Launchers.culvert();
    List<String> command = Unprivileged.culvert("wg", device());
    saysInOneLine(
        inShell(
            Unprivileged.SHOWN
                + "mknod -m 600 /mnt/tun c 10 200;"
                + " mount --bind /mnt/tun /dev/net/tun; exec \"$@\"",
            command),
        "/dev/net/tun: its mode lets this user not open it");
  }

  @ParameterizedTest
  @CsvSource({"-n 40,files may be open", "-v 1500000,of addresses may be used"})
  void aLimitThatIsTooLowIsNamed(String limit, String reason) {
    saysInOneLine(
        inShell("ulimit " + limit + "; exec \"$@\"", List.of(Launchers.culvert(), "wg", device())),
        reason);
  }

  @Test
  void kernelSettingsAreMadeThoughTheirFilesMayNotBeWritten() throws IOException {
    namespace.run(
        "sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/src_valid_mark; do echo 0 >$f; done");
    String device = device();
    Path file = gatewayFile(device);
    try (Daemon gateway =
        namespace.start(
            "unshare",
            "-m",
            "sh",
            "-ec",
            "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec \"$@\"",
            "sh",
            Launchers.culvert(),
            "up",
            file.toString())) {
      gateway.await("answers", Commands.PATIENCE, () -> status(device).succeeded());
      gateway.await("src_valid_mark", Commands.PATIENCE, () -> settings().contains("1"));
      assertFalse(gateway.output().contains("Read-only file system"), gateway::output);
    } finally {
      namespace.attempt(Launchers.culvert(), "down", file.toString());
    }
  }

  /** {@code src_valid_mark} of each device. */
  private static List<String> settings() {
    return namespace
        .run("sh", "-c", "cat /proc/sys/net/ipv4/conf/*/src_valid_mark")
        .out()
        .lines()
        .toList();
  }

  @Test
  void aHangUpReloadsAGatewayThatNohupStarted() throws IOException {
    String device = device();
    Path file = gatewayFile(device);
    try (Daemon gateway =
        namespace.start(
            "sh",
            "-c",
            "trap '' HUP; exec \"$@\"",
            "sh",
            Launchers.culvert(),
            "up",
            file.toString())) {
      gateway.await("answers", Commands.PATIENCE, () -> status(device).succeeded());
      Files.writeString(file, "kind: Nothing\n");
      gateway.signal("HUP");
      gateway.awaitOutput("reload failed, the running state stays");
    } finally {
      namespace.attempt(Launchers.culvert(), "down", device);
    }
  }

  private static Commands.Result status(String device) {
    return namespace.attempt(Launchers.culvert(), "status", device);
  }

  /** A gateway that has a peer beyond a device of its own, so that it has settings to write. */
  private Path gatewayFile(String device) throws IOException {
    PeerBeyond.underlay(namespace);
    return PeerBeyond.gateway(device, folder.resolve("private.key").toString())
        .write(folder.resolve("gateway.yaml"));
  }

  /** A PATH without some tools, and with an apt-get that writes down its arguments. */
  @Test
  void theLabInstallsTheToolsThatAreMissingAndSaysSo() throws IOException {
    Path asked = folder.resolve("asked");
    Path aptGet = folder.resolve("apt-get");
    Files.writeString(aptGet, "#!/bin/sh\necho \"$@\" >>" + asked + "\nexit 7\n");
    Files.setPosixFilePermissions(aptGet, PosixFilePermissions.fromString("rwxr-xr-x"));
    Commands.Result result =
        inShell(
            "mount -t tmpfs tmpfs /mnt; mkdir /mnt/bin; cd /mnt/bin;"
                + " ln -sf /usr/bin/* /bin/* /usr/sbin/* /sbin/* .;"
                + " rm tcpdump nft ping apt-get; cp "
                + aptGet
                + " .; export PATH=/mnt/bin JAVA_HOME="
                + System.getProperty("java.home")
                + "; exec \"$@\"",
            List.of(Launchers.culvert(), "lab"));
    assertNotEquals(0, result.exitCode(), result::toString);
    assertTrue(result.err().contains("installing iputils-ping nftables tcpdump"), result::toString);
    assertTrue(Files.exists(asked), "apt-get was called");
    assertFalse(result.err().contains("please install"), result::toString);
  }
}
