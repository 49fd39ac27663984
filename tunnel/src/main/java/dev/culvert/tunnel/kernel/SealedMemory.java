// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.ProtocolException;

/**
 * A file in memory whose content and size no process can change any more, the one that wrote it
 * included. Its descriptor may be passed to another process. It has no name in the file system, and
 * its memory is free when its last descriptor is closed.
 */
public final class SealedMemory implements AutoCloseable {
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int MFD_NOEXEC_SEAL = 8;

  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;
  private static final int F_SEAL_SEAL = 1;
  private static final int F_SEAL_SHRINK = 2;
  private static final int F_SEAL_GROW = 4;
  private static final int F_SEAL_WRITE = 8;
  private static final int SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_SIZE = 0x200;
  private static final int STATX_BYTES = 256;
  private static final int SIZE = 40;

  private final int fd;

  private SealedMemory(int fd) {
    this.fd = fd;
  }

  /** A copy of a sealed file's content, which is wiped on close. */
  public static final class Content implements AutoCloseable {
    private final Arena arena;
    private final MemorySegment bytes;

    private Content(Arena arena, MemorySegment bytes) {
      this.arena = arena;
      this.bytes = bytes;
    }

    /** The content, until it is closed. */
    public MemorySegment bytes() {
      return bytes;
    }

    @Override
    public void close() {
      bytes.fill((byte) 0);
      arena.close();
    }
  }

  /**
   * Copies {@code content} into a new sealed file.
   *
   * @param name for lists of open files; no secret
   * @param content native memory, which stays the caller's to wipe
   */
  public static SealedMemory of(String name, MemorySegment content) throws ErrnoException {
    SealedMemory memory = new SealedMemory(create(name));
    try {
      for (long at = 0; at < content.byteSize(); ) {
        MemorySegment rest = content.asSlice(at);
        long written = LIBC.pwrite(memory.fd, rest.address(), rest.byteSize(), at);
        if (written < 0) {
          throw new ErrnoException("write to memory " + name, Errno.last());
        }
        at += written;
      }
      ErrnoException.check("seal memory " + name, LIBC.fcntl(memory.fd, F_ADD_SEALS, SEALS));
      return memory;
    } catch (ErrnoException | RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  private static int create(String name) throws ErrnoException {
    // A machine may refuse memory that could be executed; kernels before 6.3 do not know the flag.
    int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = LIBC.memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && Errno.last() == Errno.EINVAL) {
      fd = LIBC.memfd_create(name, flags);
    }
    return ErrnoException.check("memfd_create", fd);
  }

  /** The descriptor, for as long as this is open. */
  public int fd() {
    return fd;
  }

  /** Whether {@code fd} is a file in memory that may have seals, rather than a socket. */
  public static boolean isMemory(int fd) {
    return LIBC.fcntl(fd, F_GET_SEALS, 0) >= 0;
  }

  /**
   * Reads a sealed file that another process wrote.
   *
   * @param fd its descriptor, which stays the caller's
   * @param maxBytes the largest acceptable size
   * @throws ProtocolException if it is not sealed, so that its writer could still change it, or is
   *     larger
   */
  public static Content read(int fd, long maxBytes) throws IOException {
    int seals = LIBC.fcntl(fd, F_GET_SEALS, 0);
    if (seals < 0 || (seals & SEALS) != SEALS) {
      throw new ProtocolException("memory that its writer can still change");
    }
    long size = size(fd);
    if (size > maxBytes) {
      throw new ProtocolException(
          "memory of " + size + " bytes, and " + maxBytes + " are acceptable");
    }
    Arena arena = Arena.ofShared();
    Content content = new Content(arena, arena.allocate(size, 8));
    try {
      for (long at = 0; at < size; ) {
        long got = LIBC.pread(fd, content.bytes.address() + at, size - at, at);
        if (got <= 0) {
          throw new ErrnoException("read from memory", got < 0 ? Errno.last() : Errno.EIO);
        }
        at += got;
      }
      return content;
    } catch (IOException | RuntimeException e) {
      content.close();
      throw e;
    }
  }

  private static long size(int fd) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment status = arena.allocate(STATX_BYTES, 8);
      ErrnoException.check(
          "statx of memory", LIBC.statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, status.address()));
      return status.get(JAVA_LONG, SIZE);
    }
  }

  @Override
  public void close() {
    LIBC.close(fd);
  }
}
