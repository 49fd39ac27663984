// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Addresses of local sockets: struct sockaddr_un, as long as its name needs. */
final class UnixAddress {
  /** Bytes of the longest name. */
  static final int LONGEST_NAME = 107;

  /** Offset of sun_path in struct sockaddr_un. */
  private static final int NAME = 2;

  private UnixAddress() {}

  /**
   * The address of the name {@code name}.
   *
   * @param name a path, or 0 and the name of an abstract socket; at most {@link #LONGEST_NAME}
   *     bytes
   */
  static MemorySegment of(Arena arena, byte[] name) {
    MemorySegment address = arena.allocate(NAME + name.length, 8);
    address.set(JAVA_SHORT, 0, (short) LibC.AF_UNIX);
    MemorySegment.copy(name, 0, address, JAVA_BYTE, NAME, name.length);
    return address;
  }

  /**
   * The address of a socket in the file system.
   *
   * @throws IOException if the path is too long for an address
   */
  static MemorySegment of(Arena arena, Path path) throws IOException {
    byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
    if (name.length > LONGEST_NAME) {
      throw new IOException(
          path + " has " + name.length + " bytes, and a socket's name has up to " + LONGEST_NAME);
    }
    return of(arena, name);
  }
}
