// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.kernel.ErrnoException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Integer options of one socket. */
final class SocketOptions {
  static final int SO_SNDBUF = 7;
  static final int SO_RCVBUF = 8;
  static final int SO_REUSEPORT = 15;
  static final int SO_SNDBUFFORCE = 32;
  static final int SO_RCVBUFFORCE = 33;
  static final int SO_MARK = 36;

  private final int fd;

  SocketOptions(int fd) {
    this.fd = fd;
  }

  /** Sets an option; false if the kernel refuses. */
  boolean trySet(int level, int option, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_INT, value);
      return LIBC.setsockopt(fd, level, option, memory.address(), 4) == 0;
    }
  }

  void set(String name, int level, int option, int value) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_INT, value);
      ErrnoException.check(
          "setsockopt " + name, LIBC.setsockopt(fd, level, option, memory.address(), 4));
    }
  }

  /** The option's value, or -1 if the kernel does not know it. */
  int get(int level, int option) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, 4);
      int result = LIBC.getsockopt(fd, level, option, memory.address(), length.address());
      return result < 0 ? -1 : memory.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** Sets the buffers' size: past the administrator's limit if this process may, else up to it. */
  void bufferSize(int bytes) {
    if (!trySet(Wire.SOL_SOCKET, SO_RCVBUFFORCE, bytes)) {
      trySet(Wire.SOL_SOCKET, SO_RCVBUF, bytes);
    }
    if (!trySet(Wire.SOL_SOCKET, SO_SNDBUFFORCE, bytes)) {
      trySet(Wire.SOL_SOCKET, SO_SNDBUF, bytes);
    }
  }
}
