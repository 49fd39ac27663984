// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Stands between a successor and the process that it asks for its gateway: passes their messages on
 * with descriptors, and lets a test act at each of them. Nothing that was sent gets lost, as
 * between two processes: a message outlives its sender.
 */
final class HandoverRelay implements AutoCloseable {
  /** Longer than any rehearsal of a successor. */
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** The messages in the order of their numbers. */
  enum Step {
    HELLO,
    WELCOME,
    PREPARE,
    PREPARED,
    MORE,
    TAKE,
    STATE,
    TAKEN,
    REFUSED
  }

  /** Acts at messages, on the thread that passes them on. */
  @FunctionalInterface
  interface Watcher {
    /**
     * Is told of a message.
     *
     * @param after whether it has been passed on
     */
    void at(Step step, boolean after);
  }

  private final Path name;
  private final Path aside;
  private final Watcher watcher;
  private final DescriptorSocket.Listener listener;
  private final List<DescriptorSocket> sockets = new ArrayList<>();
  private volatile boolean closed;

  /** Takes the place of the running gateway's socket. */
  HandoverRelay(String interfaceName, Watcher watcher) throws IOException {
    this.watcher = watcher;
    name = AdminServer.DIRECTORY.resolve(interfaceName + ".handover");
    aside = AdminServer.DIRECTORY.resolve(interfaceName + ".aside");
    Files.move(name, aside, StandardCopyOption.ATOMIC_MOVE);
    listener = DescriptorSocket.Listener.open(name);
  }

  /** Waits for a successor from now on. */
  void start() {
    start("relay", this::accept);
  }

  private interface Work {
    void run() throws IOException;
  }

  private void start(String title, Work work) {
    Thread.ofPlatform()
        .daemon()
        .name(title)
        .start(
            () -> {
              try {
                work.run();
              } catch (ClosedChannelException e) {
                return; // The other direction has ended.
              } catch (IOException e) {
                System.out.println(title + ": " + e); // That process has gone.
              }
            });
  }

  private void accept() throws IOException {
    DescriptorSocket successor = opened(listener.accept(PATIENCE));
    DescriptorSocket predecessor = opened(DescriptorSocket.connect(aside));
    start("relay to the predecessor", () -> pass(successor, predecessor));
    start("relay to the successor", () -> pass(predecessor, successor));
  }

  private synchronized DescriptorSocket opened(DescriptorSocket socket) throws IOException {
    if (closed) {
      socket.close();
      throw new ClosedChannelException();
    }
    sockets.add(socket);
    return socket;
  }

  private void pass(DescriptorSocket from, DescriptorSocket to) throws IOException {
    try {
      while (!closed) {
        passNext(from, to);
      }
    } catch (EOFException e) {
      // The other end is told as well, by the end of its connection.
    } finally {
      to.close();
    }
  }

  private void passNext(DescriptorSocket from, DescriptorSocket to) throws IOException {
    DescriptorSocket.Message message;
    try {
      message = from.receive(PATIENCE);
    } catch (SocketTimeoutException e) {
      return;
    }
    try (message) {
      int number = ByteBuffer.wrap(message.bytes()).order(ByteOrder.nativeOrder()).getInt();
      Step step = Step.values()[number];
      watcher.at(step, false);
      to.send(message.bytes(), message.descriptors());
      watcher.at(step, true);
    }
  }

  /** Gives the name back, unless a successor has it meanwhile. */
  @Override
  public void close() throws IOException {
    synchronized (this) {
      closed = true;
      sockets.forEach(DescriptorSocket::close);
    }
    listener.close();
    if (Files.exists(name)) {
      Files.delete(aside);
    } else {
      Files.move(aside, name, StandardCopyOption.ATOMIC_MOVE);
    }
  }
}
