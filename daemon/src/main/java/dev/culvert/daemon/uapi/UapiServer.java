// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import dev.culvert.daemon.socket.Conversation;
import dev.culvert.daemon.socket.Handed;
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
   * @param handed the socket that another process handed over, or nothing
   * @throws FileAlreadyExistsException if a live process has this name, and handed over nothing
   */
  public static UapiServer open(Path directory, WireGuardDevice device, Handed handed)
      throws IOException {
    return new UapiServer(LocalServer.open(socketPath(directory, device), handler(device), handed));
  }

  private static Path socketPath(Path directory, WireGuardDevice device) {
    return directory.resolve(device.tunnel().interfaceName() + ".sock");
  }

  private static Conversation.Handler handler(WireGuardDevice device) {
    return (in, out) -> new UapiConnection(device, in, out);
  }

  /** Stops serving for another process; see {@link LocalServer#handOver}. */
  public Handed handOver() throws IOException {
    return server.handed();
  }

  /** Goes on after a hand-over that failed. */
  public void resume() {
    server.resume();
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
