// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import dev.culvert.daemon.socket.Conversation;
import dev.culvert.daemon.socket.HandOver;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.List;

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
    return new UapiServer(LocalServer.open(socketPath(directory, device), handler(device)));
  }

  /**
   * Goes on with the socket that another process handed over; see {@link LocalServer#adopt}.
   *
   * @param listening from {@link HandOver#listening}
   * @param connections from {@link HandOver#connections}
   */
  public static UapiServer adopt(
      Path directory, WireGuardDevice device, int listening, List<Integer> connections)
      throws IOException {
    return new UapiServer(
        LocalServer.adopt(socketPath(directory, device), listening, connections, handler(device)));
  }

  private static Path socketPath(Path directory, WireGuardDevice device) {
    return directory.resolve(device.tunnel().interfaceName() + ".sock");
  }

  private static Conversation.Handler handler(WireGuardDevice device) {
    return (in, out) -> new UapiConnection(device, in, out);
  }

  /** Stops serving for another process; see {@link LocalServer#handOver}. */
  public HandOver handOver() throws IOException, InterruptedException {
    return server.handOver();
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
