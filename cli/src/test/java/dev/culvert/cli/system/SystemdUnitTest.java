// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** systemd takes the units as they are, rates their exposure low, and they never lift the guard. */
@Tag("integration")
final class SystemdUnitTest {
  /** Of the scale from 0 to 10, in tenths. */
  private static final String MOST_EXPOSURE = "25";

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.tool("systemd-analyze");
  }

  private static String text(String unit) throws IOException {
    return Files.readString(Culvert.launcher("ops/systemd").resolve(unit));
  }

  /** The unit with a program that is there on each machine. */
  private Path installed(String unit, String text) throws IOException {
    return Files.writeString(folder.resolve(unit), text.replace("/usr/bin/culvert ", "/bin/true "));
  }

  private static Commands.Result analyze(String... arguments) {
    List<String> command = new ArrayList<>(List.of("systemd-analyze", "--no-pager"));
    command.addAll(List.of(arguments));
    return Commands.attempt(Commands.PATIENCE, Map.of(), command);
  }

  @ParameterizedTest
  @ValueSource(strings = {"culvert@.service", "culvert-guard@.service", "culvert-upgrade@.service"})
  void systemdFindsNoFault(String unit) throws IOException {
    Commands.Result result = verify(installed(unit, text(unit)));
    assertEquals("", result.err() + result.out());
    assertTrue(result.succeeded(), result::toString);
  }

  @Test
  void aFaultWouldBeFound() throws IOException {
    String faulty = text("culvert@.service").replace("WatchdogSec=10s", "WatchdogSec=soon");
    Commands.Result result = verify(installed("culvert@.service", faulty));
    assertTrue((result.err() + result.out()).contains("soon"), result::toString);
  }

  private static Commands.Result verify(Path unit) {
    return analyze("--man=no", "verify", unit.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"culvert@.service", "culvert-guard@.service", "culvert-upgrade@.service"})
  void theExposureIsLow(String unit) throws IOException {
    Commands.Result result = security(installed(unit, text(unit)));
    assertTrue(result.succeeded(), result::toString);
    String bare = text(unit).replaceAll("(?m)^(Protect|Restrict|SystemCall|Capability).*$", "");
    assertNotEquals(0, security(installed(unit, bare)).exitCode(), "the threshold works");
  }

  private static Commands.Result security(Path unit) {
    return analyze("security", "--offline=yes", "--threshold=" + MOST_EXPOSURE, unit.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"culvert@.service", "culvert-guard@.service"})
  void theGuardStaysWhenAUnitStops(String unit) throws IOException {
    List<String> settings = text(unit).lines().filter(line -> !line.startsWith("#")).toList();
    assertFalse(settings.stream().anyMatch(line -> line.startsWith("ExecStop")), unit);
    assertFalse(settings.stream().anyMatch(line -> line.contains("culvert down")), unit);
    assertTrue(settings.contains("RuntimeDirectoryPreserve=yes"), "'down' finds the guard by it");
  }

  /** A call that is refused would end each hand-over. */
  @ParameterizedTest
  @ValueSource(strings = {"pidfd_open", "pidfd_send_signal", "memfd_create", "fcntl", "sendmsg"})
  void theCallsOfAHandOverAreAllowed(String call) throws IOException {
    assertTrue(text("culvert@.service").contains("SystemCallFilter=@system-service\n"));
    assertTrue(calls("@system-service").contains(call), call);
    assertFalse(calls("@privileged").contains(call), call);
    assertFalse(calls("@obsolete").contains(call), call);
  }

  /** With those of the groups in it. */
  private static Set<String> calls(String group) {
    Set<String> calls = new TreeSet<>();
    for (String line : analyze("syscall-filter", group).orThrow().out().lines().toList()) {
      String word = line.strip();
      if (word.startsWith("@") && !word.equals(group)) {
        calls.addAll(calls(word));
      } else if (!word.startsWith("#")) {
        calls.add(word);
      }
    }
    return calls;
  }

  @Test
  void theInterfaceOutlivesACrashWithAllItsLanes() throws IOException {
    List<String> settings = text("culvert@.service").lines().toList();
    assertTrue(settings.contains("FileDescriptorStoreMax=256"), "as many as there can be lanes");
    assertTrue(settings.contains("NotifyAccess=all"), "the successor reports before it is main");
    assertFalse(
        settings.stream().anyMatch(line -> line.startsWith("FileDescriptorStorePreserve")),
        "a stop ends the interface");
  }

  /** RuntimeDirectory= would give the user all that other programs have in a folder. */
  @ParameterizedTest
  @ValueSource(strings = {"culvert@.service", "culvert-guard@.service"})
  void foldersOfOtherProgramsAreNotTaken(String unit) throws IOException {
    List<String> taken =
        text(unit).lines().filter(line -> line.startsWith("RuntimeDirectory=")).toList();
    assertEquals(List.of("RuntimeDirectory=culvert"), taken);
  }
}
