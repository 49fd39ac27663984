// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.Descriptor;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.kernel.SocketFile;
import java.io.IOException;
import java.net.BindException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Serves a local stream socket of mode 0600, with one thread per connection. Another process can
 * take over the socket and its connections without their clients noticing.
 */
public final class LocalServer implements AutoCloseable {
  /** The most connections at a time; one more is closed at once. */
  public static final int MAX_CONNECTIONS = 256;

  /** The time within which an operation has to end when the server is handed over. */
  public static final Duration HAND_OVER_PATIENCE = Duration.ofSeconds(1);

  private static final EventLog log = EventLog.of(LocalServer.class);

  /**
   * The time between two looks at the socket's name. If the name is removed, the process ends
   * within this time.
   */
  private static final int WATCH_MILLIS = 250;

  private final Descriptor listener;
  private final SocketFile file;
  private final Conversation.Handler handler;
  private final Set<LocalConnection> connections = ConcurrentHashMap.newKeySet();
  private final CountDownLatch closed = new CountDownLatch(1);
  private @Nullable HandOver handOver;

  private LocalServer(Descriptor listener, SocketFile file, Conversation.Handler handler) {
    this.listener = listener;
    this.file = file;
    this.handler = handler;
  }

  /**
   * Whether a server answers at {@code path}.
   *
   * @throws OtherUserException if this user may not connect, so that it is not known
   */
  public static boolean isLive(Path path) throws IOException {
    if (Files.notExists(path, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    // Without the C library, which a command that only asks need not load.
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return answers(probe, path);
    }
  }

  private static boolean answers(SocketChannel probe, Path path) throws OtherUserException {
    try {
      return probe.connect(UnixDomainSocketAddress.of(path));
    } catch (BindException e) {
      // So the JDK calls EACCES; a local socket that connects has no other such error.
      throw new OtherUserException(path);
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Removes a socket that a dead process left, if there is one.
   *
   * @throws java.nio.file.FileAlreadyExistsException if a process listens there
   */
  public static void removeDead(Path path) throws IOException {
    SocketFile.removeDead(path);
  }

  /**
   * Listens at {@code path}. Its parent directory is made with mode 0755 if it does not exist.
   *
   * @throws java.nio.file.FileAlreadyExistsException if a server answers there
   * @throws java.nio.file.AccessDeniedException if this user may not ask whether one does
   */
  public static LocalServer open(Path path, Conversation.Handler handler) throws IOException {
    makeDirectory(Objects.requireNonNull(path.toAbsolutePath().getParent()));
    int type = LibC.SOCK_STREAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    Descriptor listener =
        Descriptor.owning(ErrnoException.check("local socket", LIBC.socket(LibC.AF_UNIX, type, 0)));
    try {
      LocalServer server = new LocalServer(listener, SocketFile.bind(listener.fd(), path), handler);
      server.start();
      return server;
    } catch (IOException | RuntimeException e) {
      listener.close();
      throw e;
    }
  }

  /**
   * Goes on with a server that another process handed over. The descriptors belong to this from now
   * on, and are closed if this fails.
   *
   * @param listening from {@link HandOver#listening}
   * @param descriptors from {@link HandOver#connections}, in their order
   */
  public static LocalServer adopt(
      Path path, int listening, List<Integer> descriptors, Conversation.Handler handler)
      throws IOException {
    List<LocalConnection> connections;
    try {
      connections = HandOver.adopt(descriptors);
    } catch (IOException | RuntimeException e) {
      LIBC.close(listening);
      throw e;
    }
    Descriptor listener = null;
    try {
      listener = Descriptor.owning(listening);
      LocalServer server = new LocalServer(listener, SocketFile.adopt(listening, path), handler);
      connections.forEach(server::begin);
      server.start();
      return server;
    } catch (IOException | RuntimeException e) {
      connections.forEach(LocalConnection::close);
      if (listener != null) {
        listener.close();
      }
      throw e;
    }
  }

  /**
   * Goes on with a server that another process handed over, or listens anew if there is none.
   *
   * @throws java.nio.file.FileAlreadyExistsException if a server answers there, and none was handed
   *     over
   */
  public static LocalServer open(Path path, Conversation.Handler handler, Handed handed)
      throws IOException {
    return handed.isEmpty()
        ? open(path, handler)
        : adopt(path, handed.listening(), handed.connections(), handler);
  }

  /** The descriptors for another process; see {@link #handOver}. */
  public Handed handed() throws IOException {
    try {
      return Handed.of(handOver());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while a local server was handed over", e);
    }
  }

  /** Makes the directory of sockets with mode 0755 if it does not exist. */
  public static void makeDirectory(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  /** Threads of the machine, since a wait for a descriptor would hold a virtual one's carrier. */
  private static void start(String name, Runnable task) {
    Thread.ofPlatform().daemon().name(name).start(task);
  }

  private void start() {
    start("accept " + file, this::accept);
  }

  private void accept() {
    while (true) {
      try {
        if (!acceptOne()) {
          listener.await(LibC.POLLIN, Descriptor.FOREVER);
        }
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

  /** Accepts a connection unless the server is handed over; returns false if none waits. */
  private synchronized boolean acceptOne() throws IOException {
    while (handOver != null && closed.getCount() > 0) {
      try {
        wait();
      } catch (InterruptedException e) {
        throw new IOException("interrupted", e);
      }
    }
    int flags = LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    long fd = listener.call(number -> LIBC.accept4(number, 0, 0, flags));
    if (fd == -Errno.EAGAIN || fd == -Errno.EINTR) {
      return false;
    }
    if (fd < 0) {
      throw new ErrnoException("accept", (int) -fd);
    }
    Descriptor descriptor = Descriptor.owning((int) fd);
    if (connections.size() >= MAX_CONNECTIONS) {
      descriptor.close();
      log.per(file)
          .warn(
              LogEvent.SOCKET_FAILED,
              "a connection is refused: {} are open already",
              MAX_CONNECTIONS);
      return true;
    }
    begin(new LocalConnection(descriptor));
    return true;
  }

  private void begin(LocalConnection connection) {
    connections.add(connection);
    start("local connection", () -> serve(connection));
  }

  /** Pauses, so that a process that is out of descriptors does not spin. */
  private static void pause() {
    try {
      Thread.sleep(WATCH_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(LocalConnection connection) {
    try {
      connection.serve(handler);
    } catch (IOException e) {
      log.per(file).debug(LogEvent.SOCKET_ENDED, "a local connection ended: {}", Field.reason(e));
    } catch (RuntimeException e) {
      log.per(file).failure(LogEvent.SOCKET_FAILED, e, "a local connection failed");
    } finally {
      connections.remove(connection);
    }
  }

  /**
   * Stops accepting and serving, so that another process can go on by {@link #adopt}. Operations
   * have {@link #HAND_OVER_PATIENCE} to end; one that takes longer is ended with its connection.
   * Then either {@link #resume} or {@link #close} is called.
   *
   * @return descriptors, which stay this server's until then
   */
  public synchronized HandOver handOver() throws IOException, InterruptedException {
    if (handOver != null || closed.getCount() == 0) {
      throw new IllegalStateException("handed over or closed");
    }
    // From here on no connection is accepted.
    HandOver begun = new HandOver(listener.fd());
    handOver = begun;
    try {
      begun.pause(connections, System.nanoTime() + HAND_OVER_PATIENCE.toNanos());
      return begun;
    } catch (IOException | InterruptedException | RuntimeException e) {
      resume();
      throw e;
    }
  }

  /** Goes on as before {@link #handOver}, for example because the other process has ended. */
  public synchronized void resume() {
    if (handOver != null) {
      handOver.close();
      handOver = null;
      connections.forEach(LocalConnection::resume);
      notifyAll();
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

  /**
   * Stops listening, ends every connection and removes the file, if it is still ours. A server that
   * was handed over leaves all of them to the other process.
   */
  @Override
  public synchronized void close() throws IOException {
    closed.countDown();
    try {
      if (handOver == null) {
        file.delete();
      } else {
        handOver.close();
      }
    } finally {
      listener.close();
      connections.forEach(LocalConnection::close);
      notifyAll();
    }
  }
}
