// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.testing.FakeWireGuard;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real {@code wg} talks to our socket, with a device behind it that moves nothing. */
@Tag("integration")
final class WgBinaryTest {
  private static final String PRIVATE = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
  private static final String PUBLIC = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
  private static final String PEER_A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String PEER_B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";
  private static final String PSK = "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=";

  private final String name = "cvfake" + ProcessHandle.current().pid() % 1_000_000;
  private final FakeWireGuard device = new FakeWireGuard(name);
  private UapiServer server;

  @TempDir private Path directory;

  private record Result(int exit, String out) {}

  private Result wg(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("wg"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), out);
  }

  private String ok(String... arguments) throws IOException, InterruptedException {
    Result result = wg(arguments);
    assertEquals(0, result.exit(), result.out());
    return result.out();
  }

  private String file(String file, String text) throws IOException {
    return Files.writeString(directory.resolve(file), text).toString();
  }

  @BeforeEach
  void open() throws IOException {
    Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/wg")), "no wg");
    Assumptions.assumeTrue(Files.isWritable(Path.of("/var/run")), "not root");
    server = UapiServer.open(UapiServer.DIRECTORY, device, Handed.NOTHING);
  }

  @AfterEach
  void close() throws IOException {
    if (server != null) {
      server.close();
      assertFalse(Files.exists(UapiServer.DIRECTORY.resolve(name + ".sock")));
    }
  }

  @Test
  void wgListsAndDumpsTheDevice() throws IOException, InterruptedException {
    assertTrue(List.of(ok("show", "interfaces").strip().split("\\s+")).contains(name));
    assertEquals("(none)\t(none)\t0\toff\n", ok("show", name, "dump"));
  }

  @Test
  void wgSetsEverythingAndDumpsIt() throws IOException, InterruptedException {
    ok(
        "set",
        name,
        "private-key",
        file("key", PRIVATE),
        "listen-port",
        "51820",
        "fwmark",
        "0x10",
        "peer",
        PEER_A,
        "preshared-key",
        file("psk", PSK),
        "endpoint",
        "[fe80::1%lo]:7",
        "persistent-keepalive",
        "25",
        "allowed-ips",
        "10.0.0.0/8,fd00::/8",
        "peer",
        PEER_B,
        "endpoint",
        "192.0.2.1:8");
    assertEquals(
        PRIVATE
            + "\t"
            + PUBLIC
            + "\t51820\t0x10\n"
            + PEER_A
            + "\t"
            + PSK
            + "\t[fe80::1%lo]:7\t10.0.0.0/8,fd00::/8\t1700000000\t2000\t1000\t25\n"
            + PEER_B
            + "\t(none)\t192.0.2.1:8\t(none)\t1700000000\t2000\t1000\toff\n",
        ok("show", name, "dump"));
  }

  @Test
  void setconfReplacesSyncconfKeepsShowconfShows() throws IOException, InterruptedException {
    ok("set", name, "peer", PEER_B, "allowed-ips", "10.9.0.0/16");
    String first =
        "[Interface]\nListenPort = 7\nPrivateKey = "
            + PRIVATE
            + "\n\n[Peer]\nPublicKey = "
            + PEER_A
            + "\nAllowedIPs = 10.0.0.0/8, ::/0\nEndpoint = 192.0.2.1:8\n";
    ok("setconf", name, file("first.conf", first));
    assertEquals(first, ok("showconf", name));
    ok("syncconf", name, file("second.conf", first.replace("ListenPort = 7", "ListenPort = 8")));
    assertEquals(first.replace("Port = 7", "Port = 8"), ok("showconf", name));
    ok("addconf", name, file("third.conf", "[Peer]\nPublicKey = " + PEER_B + "\n"));
    assertTrue(ok("showconf", name).endsWith("PublicKey = " + PEER_B + "\n"));
    ok("set", name, "peer", PEER_B, "remove");
    assertFalse(ok("showconf", name).contains(PEER_B));
  }

  @Test
  void wgReportsWhatTheDeviceRefuses() throws IOException, InterruptedException {
    Result result = wg("set", name, "listen-port", "1");
    assertNotEquals(0, result.exit());
    assertTrue(result.out().contains("Address already in use"), result.out());
  }

  @Test
  void aThousandRangesArriveWhole() throws IOException, InterruptedException {
    StringBuilder conf = new StringBuilder("[Peer]\nPublicKey = " + PEER_A + "\nAllowedIPs = ");
    for (int i = 0; i < 1000; i++) {
      conf.append(i == 0 ? "" : ", ").append("10.").append(i / 250).append('.').append(i % 250);
      conf.append(".0/24");
    }
    ok("setconf", name, file("many.conf", conf + "\n"));
    assertEquals(1000, ok("show", name, "allowed-ips").split("/24", -1).length - 1);
  }
}
