// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.culvert.tunnel.kernel.Descriptor;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.SealedMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * The descriptors of a {@link LocalServer} that is handed over. A client may have sent a part of an
 * operation, or another operation, that was read and not served: those bytes follow the
 * connection's descriptor as that of a file in memory, since they may have keys in them.
 */
public final class HandOver {
  private final int listening;
  private final List<Integer> connections = new ArrayList<>();
  private final List<SealedMemory> memories = new ArrayList<>();

  HandOver(int listening) {
    this.listening = listening;
  }

  /** The listening socket. */
  public int listening() {
    return listening;
  }

  /** The connections, each followed by the file of its bytes if there are any. */
  public List<Integer> connections() {
    return List.copyOf(connections);
  }

  /** Pauses {@code all}; those that are not paused at {@code deadline} are closed. */
  void pause(Collection<LocalConnection> all, long deadline)
      throws IOException, InterruptedException {
    all.forEach(LocalConnection::pause);
    for (LocalConnection connection : all) {
      if (connection.awaitPause(deadline)) {
        connections.add(connection.fd());
        byte[] unserved = connection.unserved();
        if (unserved.length > 0) {
          SealedMemory memory = sealed(unserved);
          memories.add(memory);
          connections.add(memory.fd());
        }
      }
    }
  }

  private static SealedMemory sealed(byte[] bytes) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(bytes.length);
      try {
        MemorySegment.copy(bytes, 0, copy, JAVA_BYTE, 0, bytes.length);
        return SealedMemory.of("culvert local connection", copy);
      } finally {
        copy.fill((byte) 0);
        Arrays.fill(bytes, (byte) 0);
      }
    }
  }

  /** The connections of a server that another process handed over; all are closed on failure. */
  static List<LocalConnection> adopt(List<Integer> descriptors) throws IOException {
    List<LocalConnection> connections = new ArrayList<>();
    int at = 0;
    try {
      while (at < descriptors.size()) {
        int fd = descriptors.get(at++);
        byte[] unserved = new byte[0];
        if (at < descriptors.size() && SealedMemory.isMemory(descriptors.get(at))) {
          unserved = read(fd, descriptors.get(at++));
        }
        connections.add(new LocalConnection(Descriptor.owning(fd), unserved));
        Arrays.fill(unserved, (byte) 0);
      }
      return connections;
    } catch (IOException | RuntimeException e) {
      connections.forEach(LocalConnection::close);
      descriptors.subList(at, descriptors.size()).forEach(LIBC::close);
      throw e;
    }
  }

  /** Reads and closes the file of a connection's bytes; closes the connection too on failure. */
  private static byte[] read(int connection, int memory) throws IOException {
    try (SealedMemory.Content content = SealedMemory.read(memory, OperationInput.MAX_KEPT)) {
      return content.bytes().toArray(JAVA_BYTE);
    } catch (IOException | RuntimeException e) {
      LIBC.close(connection);
      throw e;
    } finally {
      LIBC.close(memory);
    }
  }

  /** Frees the files in memory. */
  void close() {
    memories.forEach(SealedMemory::close);
    memories.clear();
  }
}
