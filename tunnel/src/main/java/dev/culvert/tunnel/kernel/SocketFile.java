// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The name of a listening socket in the file system. The socket is bound in a directory that only
 * its owner may enter, and linked to its name once its mode is right, so that other users cannot
 * open it at any moment. Linking also fails if the name is taken: two processes never share it.
 */
public final class SocketFile {
  private static final int BACKLOG = 64;
  private static final int SIOCUNIXFILE = 0x89e0;

  private final Path path;
  private final Object identity;

  private SocketFile(Path path, Object identity) {
    this.path = path;
    this.identity = identity;
  }

  /** Gives a bound socket its name. */
  @FunctionalInterface
  private interface Naming {
    /**
     * @param born the socket's present name
     * @param nest a directory for this process alone
     */
    void name(Path born, Path nest) throws IOException;
  }

  /**
   * Whether a process listens at {@code path}, on a socket of any type.
   *
   * @throws AccessDeniedException if this user may not connect, so that it is not known
   */
  public static boolean isLive(Path path) throws IOException {
    if (Files.notExists(path, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    int type = LibC.SOCK_STREAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    int fd = ErrnoException.check("local socket", LIBC.socket(LibC.AF_UNIX, type, 0));
    int errno;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = UnixAddress.of(arena, path);
      if (LIBC.connect(fd, address.address(), (int) address.byteSize()) == 0) {
        return true;
      }
      errno = Errno.last();
    } catch (IOException e) {
      return false; // No socket has so long a name.
    } finally {
      LIBC.close(fd);
    }
    return switch (errno) {
      case Errno.EAGAIN, Errno.EPROTOTYPE -> true; // Its queue is full, or it is of another type.
      case Errno.EACCES -> throw new AccessDeniedException(path.toString());
      default -> false;
    };
  }

  /**
   * Lets {@code fd} listen and gives it the name {@code path}. A name that a dead process left is
   * taken over.
   *
   * @throws FileAlreadyExistsException if a process listens at {@code path}
   * @throws AccessDeniedException if this user may not ask whether one does
   */
  public static SocketFile bind(int fd, Path path) throws IOException {
    return bind(
        fd,
        path,
        (born, nest) -> {
          removeStale(path, nest.resolve("stale"));
          Files.createLink(path, born);
        });
  }

  /** The same for a name that a living process may have: it loses it in one step. */
  public static SocketFile bindOver(int fd, Path path) throws IOException {
    return bind(fd, path, (born, nest) -> Files.move(born, path, StandardCopyOption.ATOMIC_MOVE));
  }

  /**
   * The name of a socket that listens since another process called it {@code path}. Clients see
   * this process at the other end from now on.
   */
  public static SocketFile adopt(int fd, Path path) throws IOException {
    ErrnoException.check("listen at " + path, LIBC.listen(fd, BACKLOG));
    Object identity = inodeOfSocket(fd);
    if (identity == null) {
      identity = inode(path); // Only a network administrator can ask the socket itself.
    }
    return new SocketFile(path, identity == null ? new Object() : identity);
  }

  /** The file that a socket was bound to, whatever its names are now. */
  private static @Nullable Object inodeOfSocket(int fd) throws IOException {
    int file = LIBC.ioctl(fd, SIOCUNIXFILE, 0);
    if (file < 0) {
      return null;
    }
    try {
      return Files.readAttributes(Path.of("/proc/self/fd/" + file), BasicFileAttributes.class)
          .fileKey();
    } finally {
      LIBC.close(file);
    }
  }

  private static SocketFile bind(int fd, Path path, Naming naming) throws IOException {
    Path nest = nest(path);
    Path born = nest.resolve("s");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = UnixAddress.of(arena, born);
      ErrnoException.check(
          "bind " + path, LIBC.bind(fd, address.address(), (int) address.byteSize()));
      ErrnoException.check("listen at " + path, LIBC.listen(fd, BACKLOG));
      // A socket has no content, so it cannot be written aside as a private file.
      Files.setPosixFilePermissions(born, PosixFilePermissions.fromString("rw-------"));
      Object identity = Objects.requireNonNull(inode(born));
      naming.name(born, nest);
      return new SocketFile(path, identity);
    } finally {
      Files.deleteIfExists(born);
      Files.deleteIfExists(nest);
    }
  }

  /**
   * Removes a name that a dead process left, if there is one.
   *
   * @throws FileAlreadyExistsException if a process listens at {@code path}
   * @throws AccessDeniedException if this user may not ask whether one does
   */
  public static void removeDead(Path path) throws IOException {
    if (Files.notExists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Path nest = nest(path);
    try {
      removeStale(path, nest.resolve("stale"));
    } finally {
      Files.deleteIfExists(nest);
    }
  }

  /** A directory beside {@code path} for this process alone. */
  private static Path nest(Path path) throws IOException {
    return Files.createTempDirectory(
        Objects.requireNonNull(path.toAbsolutePath().getParent()),
        ".culvert-",
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  /**
   * Moves the file aside and judges it again there, so that only a file that was found dead is
   * deleted.
   */
  private static void removeStale(Path path, Path aside) throws IOException {
    if (isLive(path)) {
      throw new FileAlreadyExistsException(path.toString());
    }
    try {
      Files.move(path, aside);
    } catch (NoSuchFileException e) {
      return; // nothing was left behind
    }
    boolean revived;
    try {
      revived = isLive(aside);
    } catch (IOException e) {
      Files.move(aside, path); // Another user's may not be linked.
      throw e;
    }
    if (revived) {
      Files.createLink(path, aside);
    }
    Files.delete(aside);
    if (revived) {
      throw new FileAlreadyExistsException(path.toString());
    }
  }

  /** Whether the name still leads to this socket: neither deleted nor replaced. */
  public boolean isOurs() {
    return identity.equals(inode(path));
  }

  /** Removes the name, if it still leads to this socket. */
  public void delete() throws IOException {
    if (isOurs()) {
      Files.deleteIfExists(path);
    }
  }

  private static @Nullable Object inode(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey();
    } catch (IOException e) {
      return null; // gone, or out of reach: not ours any more
    }
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
