// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.culvert.cli.RootCommand;
import dev.culvert.daemon.GatewayDaemon;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.FakeWireGuard;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.daemon.uapi.UapiServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Arguments that {@code culvert capture} and {@code keylog} refuse, and their messages. */
@SuppressWarnings("try") // gateways that only have to be there
final class CaptureArgumentsTest {
  private static final String PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;
  private Path target;
  private Machine machine;

  @BeforeEach
  void prepare() {
    machine = FakeMachine.in(directory, new FakeTunnels(), new FakeNetwork());
    target = directory.resolve("capture.pcapng");
  }

  private void assertRefused(int status, String message, String... arguments) {
    err.getBuffer().setLength(0);
    int actual =
        RootCommand.commandLine(machine, false).setErr(new PrintWriter(err)).execute(arguments);
    assertEquals("culvert: " + message + "\n", err.toString());
    assertEquals(status, actual);
    assertFalse(Files.exists(target), "a refused command makes no file");
    assertFalse(Files.exists(Path.of(target + ".esp_sa")));
  }

  private void capture(int status, String message, String gateway, String... more) {
    assertRefused(
        status,
        message,
        Stream.concat(Stream.of("capture", gateway, "-w", target.toString()), Arrays.stream(more))
            .toArray(String[]::new));
  }

  private Path wireGuard() throws IOException {
    return GatewayYaml.of("cv-none", "listenPort: 7")
        .with("identity: {privateKeyFile: key}")
        .peers(
            GatewayYaml.entry(
                "b", "publicKey: " + PEER, "endpoint: '192.0.2.1:8'", "allowedIps: [10.1.0.0/16]"))
        .write(directory.resolve("wg.yaml"));
  }

  private Path esp(String device) throws IOException {
    Path keys = directory.resolve("esp.keys");
    Files.createFile(
        keys, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(keys, "3 rfc4106(gcm(aes)) 6f1c4d3be8a7902c5d1e0f9ab3c48d275e6a71f3 128\n");
    return GatewayYaml.of(device)
        .with("engine: esp", "esp: {keyFile: esp.keys}")
        .with("internal: [192.0.2.1]", "podCIDRs: [10.0.0.0/16]")
        .peers(GatewayYaml.entry("b", "endpoint: '192.0.2.2:4500'", "allowedIps: [10.1.0.0/16]"))
        .write(directory.resolve("esp.yaml"));
  }

  @Test
  void limitsBeginAtOne() {
    capture(2, "--seconds and --count begin at 1", "cv-none", "--seconds", "0");
    capture(2, "--seconds and --count begin at 1", "cv-none", "--count", "0");
    capture(2, "--seconds and --count begin at 1", "cv-none", "--count", "-3");
  }

  @Test
  void aGatewayThatDoesNotRunHasNothingToCapture() {
    String message =
        "no gateway 'cv-none' is running; 'culvert status' lists those that are (root sees them"
            + " all)";
    capture(4, message, "cv-none");
    assertRefused(
        4, message, "keylog", "cv-none", "-w", target.toString(), "--with-secrets", "--once");
  }

  @Test
  void aDeviceOfTheUapiTellsNoKeysAndHasAPortOnlyOnceItIsUp() throws Exception {
    FakeWireGuard device = new FakeWireGuard("cv-none");
    try (UapiServer server = UapiServer.open(machine.uapiDirectory(), device, Handed.NOTHING)) {
      capture(1, "cv-none has no port yet: it opens one when its interface is up", "cv-none");
    }
    try (GatewayDaemon daemon = GatewayDaemon.start(wireGuard(), machine)) {
      Files.delete(machine.adminDirectory().resolve("cv-none.sock"));
      capture(
          1,
          "cv-none tells no keys: only gateways of 'culvert up' do",
          "cv-none",
          "--with-secrets");
    }
  }

  @Test
  void anInterfaceOfAnotherNetworkNamespaceIsNotFound() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(wireGuard(), machine)) {
      capture(
          1, "no interface 'cv-none' in this network namespace; see 'ip netns exec'", "cv-none");
    }
  }

  @Test
  void keysAreWrittenOnlyOnDemandAndOnlyWhereNobodyElseReads() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(wireGuard(), machine)) {
      assertRefused(
          2,
          "this writes secret keys: add --with-secrets if you want that",
          "keylog",
          "cv-none",
          "-w",
          target.toString());
      Path loose = Files.writeString(directory.resolve("loose"), "before");
      for (String mode : new String[] {"rw-r-----", "rw----r--"}) {
        Files.setPosixFilePermissions(loose, PosixFilePermissions.fromString(mode));
        assertRefused(
            1,
            loose
                + " is no place for secrets: mode "
                + mode
                + " lets group or others at it; make it 0600, or 0400 for a mounted secret",
            "keylog",
            "cv-none",
            "-w",
            loose.toString(),
            "--with-secrets",
            "--once");
        assertEquals("before", Files.readString(loose));
      }
    }
  }

  @Test
  void keysOfEspHaveNoPlaceInAPipe() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(esp("cv-none"), machine)) {
      assertRefused(
          2,
          "keys of ESP go beside the capture: name a file with -w",
          "capture",
          "cv-none",
          "-w",
          "-",
          "--with-secrets");
    }
  }
}
