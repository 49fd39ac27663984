// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.culvert.daemon.admin.AdminMessage.Request;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.socket.Conversation;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.socket.LocalServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;

/** Answers on a gateway's admin socket, {@code DIRECTORY/IFACE.sock}, mode 0600. */
public final class AdminServer implements AutoCloseable {
  public static final Path DIRECTORY = Path.of("/run/culvert");

  private static final int MAX_REQUEST = 4096;

  /** Answers one request for the gateway. */
  @FunctionalInterface
  public interface Handler {
    Response handle(Request request);
  }

  private final LocalServer server;

  private AdminServer(LocalServer server) {
    this.server = server;
  }

  /** The socket of the gateway {@code interfaceName}. */
  public static Path socketPath(Path directory, String interfaceName) {
    return directory.resolve(interfaceName + ".sock");
  }

  /**
   * Starts to answer.
   *
   * @param handed the socket that another process handed over, or nothing
   * @throws java.nio.file.FileAlreadyExistsException if a live gateway has this name, and handed
   *     over nothing
   */
  public static AdminServer open(
      Path directory, String interfaceName, Handler handler, Handed handed) throws IOException {
    return new AdminServer(
        LocalServer.open(socketPath(directory, interfaceName), conversations(handler), handed));
  }

  private static Conversation.Handler conversations(Handler handler) {
    return (in, out) -> () -> serve(handler, in, out);
  }

  /** Serves one request; returns whether another may follow. */
  private static boolean serve(Handler handler, InputStream in, OutputStream out)
      throws IOException {
    byte[] line = readLine(in);
    if (line.length == 0) {
      return false;
    }
    Response response;
    try {
      Request request = Json.lines().readValue(line, Request.class);
      response =
          request == null || request.command() == null
              ? Response.failed("a request names a command")
              : handler.handle(request);
    } catch (JsonProcessingException e) {
      response = Response.failed("not a request: " + e.getOriginalMessage());
    }
    out.write((Json.lines().writeValueAsString(response) + "\n").getBytes(UTF_8));
    out.flush();
    return true;
  }

  /** Stops serving for another process; see {@link LocalServer#handOver}. */
  public Handed handOver() throws IOException {
    return server.handed();
  }

  /** Goes on after a hand-over that failed. */
  public void resume() {
    server.resume();
  }

  /** A line without its end; empty at the end of the stream. */
  private static byte[] readLine(InputStream in) throws IOException {
    byte[] line = new byte[MAX_REQUEST];
    int length = 0;
    while (length < MAX_REQUEST) {
      int next = in.read();
      if (next < 0 || next == '\n') {
        return java.util.Arrays.copyOf(line, length);
      }
      line[length++] = (byte) next;
    }
    throw new IOException("a request of more than " + MAX_REQUEST + " bytes");
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
