// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Serves a local stream socket of mode 0600, with one virtual thread per connection. */
public final class LocalServer implements AutoCloseable {
  private static final EventLog log = EventLog.of(LocalServer.class);

  /**
   * The time between two looks at the socket's name. If the name is removed, the process ends
   * within this time.
   */
  private static final int WATCH_MILLIS = 250;

  /** Talks over one connection; the connection is closed when this returns. */
  @FunctionalInterface
  public interface Handler {
    void serve(InputStream in, OutputStream out) throws IOException;
  }

  private final ServerSocketChannel channel;
  private final SocketFile file;
  private final Handler handler;
  private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();
  private final CountDownLatch closed = new CountDownLatch(1);

  private LocalServer(ServerSocketChannel channel, SocketFile file, Handler handler) {
    this.channel = channel;
    this.file = file;
    this.handler = handler;
  }

  /** Whether a server answers at {@code path}. */
  public static boolean isLive(Path path) {
    return SocketFile.isLive(path);
  }

  /**
   * Listens at {@code path}. Its parent directory is made with mode 0755 if it does not exist.
   *
   * @throws java.nio.file.FileAlreadyExistsException if a server answers there
   */
  public static LocalServer open(Path path, Handler handler) throws IOException {
    makeDirectory(Objects.requireNonNull(path.toAbsolutePath().getParent()));
    ServerSocketChannel channel = SocketFile.newChannel();
    try {
      LocalServer server = new LocalServer(channel, SocketFile.bind(channel, path), handler);
      Thread.ofVirtual().name("accept " + path).start(server::accept);
      return server;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  private static void makeDirectory(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  private void accept() {
    while (channel.isOpen()) {
      try {
        SocketChannel connection = channel.accept();
        connections.add(connection);
        Thread.ofVirtual().name("local connection").start(() -> serve(connection));
      } catch (ClosedChannelException e) {
        return; // close() was called
      } catch (IOException e) {
        log.per(file)
            .warn(
                LogEvent.SOCKET_FAILED,
                "cannot accept a connection: {}",
                Field.reason(e.getMessage()));
        pause();
      }
    }
  }

  /** Pauses, so that a process that is out of descriptors does not spin. */
  private static void pause() {
    try {
      Thread.sleep(WATCH_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(SocketChannel connection) {
    try (connection) {
      handler.serve(Channels.newInputStream(connection), Channels.newOutputStream(connection));
    } catch (IOException e) {
      log.per(file).debug(LogEvent.SOCKET_ENDED, "a local connection ended: {}", Field.reason(e));
    } catch (RuntimeException e) {
      log.per(file).failure(LogEvent.SOCKET_FAILED, e, "a local connection failed");
    } finally {
      connections.remove(connection);
    }
  }

  /** Waits until the socket's file is deleted or replaced, or {@link #close} is called. */
  public void awaitGone() throws InterruptedException {
    while (file.isOurs()) {
      if (closed.await(WATCH_MILLIS, TimeUnit.MILLISECONDS)) {
        return;
      }
    }
  }

  /** Stops listening, ends every connection and removes the file, if it is still ours. */
  @Override
  public void close() throws IOException {
    closed.countDown();
    try {
      file.delete();
    } finally {
      channel.close();
      for (SocketChannel connection : connections) {
        connection.close();
      }
    }
  }
}
