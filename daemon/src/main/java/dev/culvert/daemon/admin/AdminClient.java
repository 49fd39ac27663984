// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.AdminMessage.Request;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.socket.LocalServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Asks a running gateway. */
public final class AdminClient {
  /** A gateway waits at most half of this time for its own threads. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Path directory;

  public AdminClient(Path directory) {
    this.directory = directory;
  }

  /**
   * Whether a gateway of this name answers.
   *
   * @throws dev.culvert.daemon.socket.OtherUserException if this user may not ask it, so that it is
   *     not known
   */
  public boolean isRunning(String interfaceName) throws IOException {
    return LocalServer.isLive(AdminServer.socketPath(directory, interfaceName));
  }

  /**
   * Sends one command and waits for its answer.
   *
   * @throws GatewayEndingException if the gateway is about to end
   * @throws IOException if no gateway answers, or the gateway says that it failed
   */
  public Response call(String interfaceName, Command command, String... arguments)
      throws IOException {
    Path path = AdminServer.socketPath(directory, interfaceName);
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      Thread limit = Thread.ofVirtual().start(() -> closeLater(channel));
      String line =
          Json.lines().writeValueAsString(new Request(command, List.of(arguments))) + "\n";
      channel.write(ByteBuffer.wrap(line.getBytes(UTF_8)));
      String answer = new BufferedReader(Channels.newReader(channel, UTF_8)).readLine();
      limit.interrupt();
      if (answer == null) {
        throw new IOException(interfaceName + " hung up without an answer");
      }
      Response response = Json.lines().readValue(answer, Response.class);
      if (response.ending() != null) {
        throw new GatewayEndingException(interfaceName);
      }
      if (response.error() != null) {
        throw new IOException(response.error());
      }
      return response;
    } catch (AsynchronousCloseException e) {
      throw new IOException(
          "%s has not answered for %d s; its log, or 'kill -QUIT', tells more"
              .formatted(interfaceName, PATIENCE.toSeconds()),
          e);
    }
  }

  /** Ends the wait for a gateway that accepts and never answers, such as one that is stopped. */
  private static void closeLater(SocketChannel channel) {
    try {
      Thread.sleep(PATIENCE);
      channel.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The answer is there.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
