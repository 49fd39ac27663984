// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Leads connections from this process to a port of the loopback interface of a namespace. */
final class NamespaceRelay implements AutoCloseable {
  private final ServerSocket server;
  private final List<String> command;
  private final Set<Process> processes = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  NamespaceRelay(Namespace namespace, int port) throws IOException {
    command = namespace.inside(List.of("socat", "STDIO", "TCP:127.0.0.1:" + port));
    server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = server.accept();
        Process process = new ProcessBuilder(command).start();
        processes.add(process);
        Thread.ofVirtual().start(() -> pump(socket, process));
        Thread.ofVirtual().start(() -> pumpBack(process, socket));
      }
    } catch (IOException e) {
      if (!closed) {
        System.err.println("the relay ended: " + e);
      }
    }
  }

  private static void pump(Socket socket, Process process) {
    try (InputStream in = socket.getInputStream();
        OutputStream out = process.getOutputStream()) {
      byte[] buffer = new byte[8192];
      for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
        out.write(buffer, 0, length);
        out.flush();
      }
    } catch (IOException e) {
      process.destroy(); // One end has gone.
    }
  }

  private static void pumpBack(Process process, Socket socket) {
    try (socket;
        InputStream in = process.getInputStream()) {
      in.transferTo(socket.getOutputStream());
    } catch (IOException e) {
      process.destroy(); // One end has gone.
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      server.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    processes.forEach(Process::destroyForcibly);
  }
}
