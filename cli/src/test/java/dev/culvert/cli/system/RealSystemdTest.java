// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Launchers;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SystemdMachine;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Pings;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The package's units under a real systemd: rights, reload, watchdog, crash, upgrade, stop, guard.
 */
@Tag("integration")
@Tag("soak")
final class RealSystemdTest {
  private static final String UNIT = "culvert@node-a";
  private static final String CONFIGURATION = "/etc/culvert/node-a.yaml";
  private static final String MARKER = "never-in-clear-1";

  /** NET_BIND_SERVICE, NET_ADMIN and NET_RAW. */
  private static final String CAPABILITIES = "0000000000003400";

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    for (String tool : List.of("systemd-nspawn", "mmdebstrap", "dpkg-deb", "nft", "nsenter")) {
      Requirements.tool(tool);
    }
    Launchers.culvert();
  }

  private Path build() {
    List<String> command =
        List.of(Culvert.launcher("bin/deb-build").toString(), "--fast", "--out", "" + folder);
    Map<String, String> environment = Map.of("JAVA_HOME", System.getProperty("java.home"));
    return Path.of(
        Commands.attempt(Duration.ofMinutes(5), environment, command).orThrow().out().strip());
  }

  @Test
  void aGatewayIsReadyReloadedRestartedByTheWatchdogAndStoppedUnderItsUnit() throws Exception {
    Path deb = build();
    try (TestLab lab = TestLab.unstarted();
        SystemdMachine machine = new SystemdMachine(folder, lab.network.a.node())) {
      Files.copy(deb, machine.path("/root/culvert.deb"));
      machine.run("dpkg -i /root/culvert.deb");
      configure(lab, machine);
      lab.gatewayB.start(lab.gatewayA);
      try (Capture capture =
          Capture.start(lab.network.wire, LabNetwork.BRIDGE, "", List.of(MARKER))) {
        machine.run("systemctl enable --now culvert-guard@node-a " + UNIT);
        assertEquals("ready", shown(machine, "StatusText"), "systemctl start waits for READY=1");
        assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
        hasFewRights(machine);
        isReloaded(machine);
        isRestartedByTheWatchdog(lab, machine);
        keepsItsInterfaceOverACrash(lab, machine);
        isUpgraded(lab, machine, "culvert upgrade " + CONFIGURATION);
        Files.copy(next(deb), machine.path("/root/next.deb"));
        isUpgraded(lab, machine, "dpkg -i /root/next.deb");
        isStartedAnewIfItCannotHandOver(lab, machine);
        endsItsInterfaceWhenItStops(lab, machine);
        lab.sendToPodB(MARKER);
        assertTrue(lab.network.a.node().run("nft", "list", "tables").out().contains("culvert"));
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
    }
  }

  /** The package with another revision, which takes a fraction of the time of a build. */
  private Path next(Path deb) {
    Path tree = folder.resolve("tree");
    Path next = folder.resolve("next.deb");
    Commands.run("dpkg-deb", "-R", deb.toString(), tree.toString());
    Commands.run("sed", "-i", "s/^Version: .*/&+next/", tree.resolve("DEBIAN/control").toString());
    Commands.run(
        "dpkg-deb", "--root-owner-group", "-Znone", "-b", tree.toString(), next.toString());
    return next;
  }

  private static void configure(TestLab lab, SystemdMachine machine) throws IOException {
    String yaml = LabEngine.WIREGUARD.yaml(lab.network.a, lab.network.b, lab.folder);
    Path key = DebianPackageTest.privateKey(lab);
    Files.writeString(
        machine.path(CONFIGURATION),
        yaml.replace(key.toString(), "\"${CREDENTIALS_DIRECTORY}/private-key\""));
    Files.copy(key, machine.path("/etc/culvert/node-a.key"));
    Path drop = machine.path("/etc/systemd/system/" + UNIT + ".service.d");
    Files.createDirectories(drop);
    Files.writeString(
        drop.resolve("key.conf"),
        "[Service]\nLoadCredential=private-key:/etc/culvert/node-a.key\n");
    machine.run("chmod 600 /etc/culvert/node-a.key; systemctl daemon-reload");
  }

  private static String shown(SystemdMachine machine, String property) {
    return machine.run("systemctl show --value -p " + property + " " + UNIT).strip();
  }

  private static void hasFewRights(SystemdMachine machine) {
    String status = machine.run("cat /proc/" + shown(machine, "MainPID") + "/status");
    assertTrue(status.contains("\nCapBnd:\t" + CAPABILITIES + "\n"), status);
    assertTrue(status.contains("\nCapEff:\t" + CAPABILITIES + "\n"), status);
    assertTrue(status.contains("\nNoNewPrivs:\t1\n"), status);
    assertTrue(status.contains("\nSeccomp:\t2\n"), "system calls are filtered: " + status);
    assertEquals("culvert", machine.run("ps -o user= -p " + shown(machine, "MainPID")).strip());
  }

  private static void isReloaded(SystemdMachine machine) {
    machine.run("systemctl reload " + UNIT);
    machine.run("cp " + CONFIGURATION + " /root/good; echo 'nonsense: 1' >>" + CONFIGURATION);
    assertFalse(machine.attempt("systemctl reload " + UNIT).succeeded());
    assertEquals("active", shown(machine, "ActiveState"), "the former configuration stays");
    machine.run("cp /root/good " + CONFIGURATION + "; systemctl reload " + UNIT);
    assertEquals("0", shown(machine, "NRestarts"));
  }

  private static void isRestartedByTheWatchdog(TestLab lab, SystemdMachine machine) {
    machine.run("kill -STOP " + shown(machine, "MainPID"));
    assertTrue(
        Waiting.until(
            Duration.ofMinutes(2),
            () -> {
              lab.sendToPodB(MARKER);
              return shown(machine, "NRestarts").equals("1")
                  && shown(machine, "ActiveState").equals("active");
            }),
        () -> machine.run("journalctl --no-pager -u " + UNIT));
    assertTrue(machine.run("journalctl --no-pager -u " + UNIT).contains("Watchdog timeout"));
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther));
  }

  /** With its index, and without its state. */
  private static String link(TestLab lab, SystemdMachine machine) {
    return machine.run("ip -o link show " + lab.network.a.interfaceName()).split(" <", -1)[0];
  }

  private static String routes(TestLab lab, SystemdMachine machine) {
    return machine.run("ip route show table all dev " + lab.network.a.interfaceName());
  }

  private static void keepsItsInterfaceOverACrash(TestLab lab, SystemdMachine machine) {
    String link = link(lab, machine);
    String routes = routes(lab, machine);
    assertFalse(routes.isEmpty());
    machine.run("kill -KILL " + shown(machine, "MainPID"));
    assertEquals(link, link(lab, machine), "no process serves it now");
    lab.sendToPodB(MARKER);
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () ->
                shown(machine, "NRestarts").equals("2")
                    && shown(machine, "ActiveState").equals("active")),
        () -> log(machine));
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), () -> log(machine));
    assertEquals(link, link(lab, machine), () -> log(machine));
    assertEquals(routes, routes(lab, machine));
    assertTrue(log(machine).contains("goes on with the interface of the process before"));
  }

  private static String log(SystemdMachine machine) {
    return machine.run("journalctl --no-pager -u " + UNIT);
  }

  /**
   * A hand-over by whichever command: the unit stays active, and the successor feeds the watchdog.
   */
  private static void isUpgraded(TestLab lab, SystemdMachine machine, String command)
      throws Exception {
    String link = link(lab, machine);
    String since = shown(machine, "ActiveEnterTimestampMonotonic");
    String before = shown(machine, "MainPID");
    try (Daemon pings = Pings.start(lab.network.a.pod(), 200, "0.1", lab.network.b.podAddress())) {
      machine.run(command);
      assertTrue(
          Waiting.until(Commands.PATIENCE, () -> !shown(machine, "MainPID").equals(before)),
          () -> log(machine));
      pings.awaitEnd(Commands.PATIENCE);
      assertTrue(Pings.allAnswered(pings.output(), 200), pings::output);
    }
    assertEquals(link, link(lab, machine));
    // Longer than the watchdog waits.
    Thread.sleep(Duration.ofSeconds(12));
    assertEquals("active", shown(machine, "ActiveState"), () -> log(machine));
    assertEquals("ready", shown(machine, "StatusText"));
    assertEquals(since, shown(machine, "ActiveEnterTimestampMonotonic"), () -> log(machine));
    assertEquals("2", shown(machine, "NRestarts"));
    assertNotEquals(before, shown(machine, "MainPID"));
    hasFewRights(machine);
    machine.run("systemctl reload " + UNIT);
    assertFalse(machine.attempt("test -e /proc/" + before).succeeded(), "the former has ended");
  }

  /** As of a version without the command: with a file that would be refused, it goes on. */
  private static void isStartedAnewIfItCannotHandOver(TestLab lab, SystemdMachine machine) {
    machine.run(
        """
        cp -p /usr/bin/culvert /usr/lib/culvert/launcher
        cat >/usr/bin/culvert <<'END'
        #!/bin/sh
        [ "$1" != upgrade ] || exit 2
        exec /usr/lib/culvert/launcher "$@"
        END
        """);
    String upgrade = "systemctl start culvert-upgrade@node-a";
    String before = shown(machine, "MainPID");
    machine.run("cp " + CONFIGURATION + " /root/good; echo 'nonsense: 1' >>" + CONFIGURATION);
    assertFalse(machine.attempt(upgrade).succeeded());
    Waiting.pause(Duration.ofSeconds(3));
    assertEquals(before, shown(machine, "MainPID"), () -> log(machine));
    machine.run("cp /root/good " + CONFIGURATION);
    assertFalse(machine.attempt(upgrade).succeeded(), "it tells that this was no hand-over");
    lab.sendToPodB(MARKER);
    assertTrue(
        Waiting.until(Commands.PATIENCE, () -> !shown(machine, "MainPID").equals(before)),
        () -> machine.run("journalctl --no-pager -u culvert-upgrade@node-a"));
    assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), () -> log(machine));
  }

  private static void endsItsInterfaceWhenItStops(TestLab lab, SystemdMachine machine) {
    machine.run("systemctl stop " + UNIT);
    String shown = "ip link show " + lab.network.a.interfaceName();
    assertFalse(machine.attempt(shown).succeeded(), "it ends with the unit");
    assertEquals("0", shown(machine, "NFileDescriptorStore"));
  }
}
