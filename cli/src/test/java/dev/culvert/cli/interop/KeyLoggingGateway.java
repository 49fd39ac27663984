// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.RawUapi;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.gateway.WireGuardTunnel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import java.util.List;

/**
 * {@code culvert wg -f} but for one thing: it writes its ephemeral keys down. Only this test has
 * such a program; {@code culvert wg} has no way to do so.
 */
final class KeyLoggingGateway {
  private KeyLoggingGateway() {}

  /** The implementation that appends its keys to {@code file}. */
  static Implementation implementation(Path file) {
    return new Implementation(
        "culvert, with a key log",
        List.of(
            System.getProperty("java.home") + "/bin/java",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-Xmx192m",
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            KeyLoggingGateway.class.getName(),
            file.toString()));
  }

  /** FILE IFACE. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path file = Path.of(args[0]);
    GatewayOptions options =
        GatewayOptions.wireGuard(args[1], 0, 0, 0, null, (peer, key) -> append(file, key));
    try (WireGuardTunnel gateway = WireGuardTunnel.open(options);
        UapiServer uapi = UapiServer.open(UapiServer.DIRECTORY, gateway, Handed.NOTHING)) {
      RawUapi.socket(args[1]).toFile().deleteOnExit(); // for when it is told to terminate
      uapi.awaitGone();
    }
  }

  private static void append(Path file, byte[] key) {
    try {
      Files.writeString(
          file,
          "LOCAL_EPHEMERAL_PRIVATE_KEY=" + Base64.getEncoder().encodeToString(key) + "\n",
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
