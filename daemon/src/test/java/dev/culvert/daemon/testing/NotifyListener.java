// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.kernel.Poll;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** In place of systemd: the socket of sd_notify(3), and the messages that arrived at it. */
public final class NotifyListener implements AutoCloseable {
  private static final int PATH = 2;
  private static final int LONGEST = 108;

  private final String address;
  private final int fd;
  private final List<String> messages = new ArrayList<>();
  private final Thread reader;
  private volatile boolean closed;

  /**
   * Listens.
   *
   * @param address a path, or {@code @} and a name
   */
  public NotifyListener(String address) throws IOException {
    this.address = address;
    fd =
        ErrnoException.check(
            "socket", LIBC.socket(LibC.AF_UNIX, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0));
    byte[] path = address.getBytes(StandardCharsets.UTF_8);
    if (path[0] == '@') {
      path[0] = 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(PATH + LONGEST, 8);
      name.set(JAVA_SHORT, 0, (short) LibC.AF_UNIX);
      MemorySegment.copy(path, 0, name, JAVA_BYTE, PATH, path.length);
      ErrnoException.check("bind", LIBC.bind(fd, name.address(), PATH + path.length));
    }
    reader = Thread.ofPlatform().daemon().name("notify-listener").start(this::listen);
  }

  private void listen() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(4096);
      while (!closed) {
        if (Poll.readable(50, fd)) {
          long length = LIBC.recv(fd, buffer.address(), buffer.byteSize(), 0);
          byte[] bytes = buffer.asSlice(0, Math.max(0, length)).toArray(JAVA_BYTE);
          synchronized (messages) {
            messages.add(new String(bytes, StandardCharsets.UTF_8));
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The messages so far, in order; each has its assignments as lines. */
  public List<String> messages() {
    synchronized (messages) {
      return List.copyOf(messages);
    }
  }

  /** How many of the messages so far are this one. */
  public long count(String message) {
    return messages().stream().filter(message::equals).count();
  }

  @Override
  public void close() throws IOException {
    closed = true;
    try {
      reader.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    LIBC.close(fd);
    if (!address.startsWith("@")) {
      Files.deleteIfExists(Path.of(address));
    }
  }
}
