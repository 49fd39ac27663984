// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;

/**
 * The UAPI socket of a device. The directory is shared by all network namespaces, so a name is
 * unique on the machine.
 */
public final class UapiServer implements AutoCloseable {
  public static final Path DIRECTORY = Path.of("/var/run/wireguard");

  private final LocalServer server;

  private UapiServer(LocalServer server) {
    this.server = server;
  }

  /**
   * Serves {@code device} in {@code directory}, which is {@link #DIRECTORY} except in tests.
   *
   * @throws FileAlreadyExistsException if a live process has this name
   */
  public static UapiServer open(Path directory, WireGuardDevice device) throws IOException {
    return new UapiServer(
        LocalServer.open(
            directory.resolve(device.tunnel().interfaceName() + ".sock"),
            (in, out) -> UapiConnection.serve(device, in, out)));
  }

  /** Waits until the socket's file is deleted or replaced, or {@link #close} is called. */
  public void awaitGone() throws InterruptedException {
    server.awaitGone();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
