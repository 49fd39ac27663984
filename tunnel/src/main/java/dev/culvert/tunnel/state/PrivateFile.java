// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/**
 * A file that only its owner may use: a key, or a record that keeps numbers from being used twice.
 * It is opened once, and the opened file is checked and used, since another file may have the name
 * a moment later. A symbolic link is followed, since mounted secrets are links.
 */
public final class PrivateFile implements AutoCloseable {
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int STATX_BYTES = 256;
  private static final int STATX_UID = 20;
  private static final int STATX_GID = 24;
  private static final int STATX_MODE = 28;
  private static final int STATX_INODE = 32;
  private static final int KIND = 0xf000;
  private static final int REGULAR = 0x8000;
  private static final int FOLDER = 0x4000;
  private static final int OTHERS = 0x3f;
  private static final int OTHERS_WRITE = 0x12;
  private static final int GROUP_READ = 0x20;
  private static final int OWNER_ONLY = 0x180;
  private static final int ROOT = 0;

  /** The mode of a folder that only its owner may enter, for making it. */
  public static final FileAttribute<Set<PosixFilePermission>> FOLDER_MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final FileAttribute<Set<PosixFilePermission>> MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final Set<PosixFilePermission> OF_OTHERS =
      PosixFilePermissions.fromString("---rwxrwx");

  private final int fd;
  private final Path path;
  private final long inode;

  /** The file must not be trusted; the message says why, without the file's name. */
  public static final class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    private RefusedException(String message) {
      super(message);
    }

    /** The reason. */
    public String reason() {
      return String.valueOf(getMessage());
    }
  }

  private PrivateFile(int fd, Path path, long inode) {
    this.fd = fd;
    this.path = path;
    this.inode = inode;
  }

  /**
   * Reads a whole file, for the caller to wipe.
   *
   * @throws RefusedException if other users can use it, or it has more than {@code maxBytes}
   * @throws NoSuchFileException if there is none
   */
  public static byte[] read(Path path, int maxBytes) throws IOException {
    try (PrivateFile file = open(path, path, LibC.O_RDONLY);
        FileChannel channel = file.channel(Set.of(StandardOpenOption.READ));
        InputStream in = Channels.newInputStream(channel)) {
      byte[] bytes = in.readNBytes(maxBytes + 1);
      if (bytes.length > maxBytes) {
        Arrays.fill(bytes, (byte) 0);
        throw new RefusedException("larger than " + maxBytes + " bytes");
      }
      return bytes;
    }
  }

  /**
   * Gives {@code path} the content {@code bytes}, whether or not there is such a file: a reader
   * sees the old or the new file as a whole, and so does the next start after a crash.
   */
  public static void replace(Path path, byte[] bytes) throws IOException {
    Path unnamed = unnamed(path);
    try {
      writeUnnamed(unnamed, bytes);
      Files.move(unnamed, path, StandardCopyOption.ATOMIC_MOVE);
      syncFolder(path);
    } finally {
      Files.deleteIfExists(unnamed);
    }
  }

  /**
   * Makes a file with the content {@code bytes}, as a whole. A file that is there already stays as
   * it is, also if another process makes it at this moment.
   *
   * @return whether this made it
   */
  public static boolean create(Path path, byte[] bytes) throws IOException {
    Path unnamed = unnamed(path);
    try {
      writeUnnamed(unnamed, bytes);
      Files.createLink(path, unnamed);
      syncFolder(path);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false; // Another was first.
    } finally {
      Files.deleteIfExists(unnamed);
    }
  }

  private static Path unnamed(Path path) {
    return path.resolveSibling("." + path.getFileName() + "." + ProcessHandle.current().pid());
  }

  private static void writeUnnamed(Path unnamed, byte[] bytes) throws IOException {
    Files.deleteIfExists(unnamed); // A dead process that had our id may have left it.
    try (FileChannel out =
        channel(unnamed, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE))) {
      for (ByteBuffer rest = ByteBuffer.wrap(bytes); rest.hasRemaining(); ) {
        out.write(rest);
      }
      out.force(true);
    }
  }

  /** Opens a file for changes in place. If {@code access} makes it, it is made private. */
  static FileChannel channel(Path path, Set<StandardOpenOption> access) throws IOException {
    return FileChannel.open(path, access, MODE);
  }

  /** Makes the name of a new file survive a crash. */
  static void syncFolder(Path path) throws IOException {
    Path folder = Objects.requireNonNull(path.toAbsolutePath().getParent());
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Whether {@code path} is a file that group or others may use; a pipe has one reader. */
  public static boolean isOpenToOthers(Path path) throws IOException {
    return Files.isRegularFile(path)
        && Files.getPosixFilePermissions(path).stream().anyMatch(OF_OTHERS::contains);
  }

  /** Opens a file for reading and changing; throws the same exceptions as {@link #read}. */
  static PrivateFile openForUpdate(Path path) throws IOException {
    return open(path, path, LibC.O_RDWR);
  }

  /**
   * Opens a file for writing from the start, or creates it. The folder is opened and checked first,
   * and no link in it is followed.
   *
   * @throws RefusedException if other users can use the file, or replace it; nothing was created or
   *     changed
   * @throws NoSuchFileException if there is no such folder
   */
  public static FileChannel writeAnew(Path path) throws IOException {
    Path absolute = path.toAbsolutePath();
    Path folder = absolute.getParent();
    Path name = absolute.getFileName();
    if (folder == null || name == null) {
      throw new RefusedException("not a file");
    }
    int descriptor = descriptor(folder, folder, LibC.O_RDONLY);
    try {
      requireFolderOfNoOthers(folder, descriptor);
      Path there = ofDescriptor(descriptor).resolve(name);
      int access = LibC.O_RDWR | LibC.O_CREAT | LibC.O_NOFOLLOW;
      try (PrivateFile file = open(path, there, access)) {
        return file.channel(Set.of(StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING));
      }
    } finally {
      LIBC.close(descriptor);
    }
  }

  /**
   * Opens {@code there}.
   *
   * @param path its name in messages
   */
  private static PrivateFile open(Path path, Path there, int access) throws IOException {
    int fd = descriptor(path, there, access);
    try {
      return new PrivateFile(fd, path, requirePrivate(path, fd));
    } catch (IOException | RuntimeException e) {
      LIBC.close(fd);
      throw e;
    }
  }

  private static int descriptor(Path path, Path there, int access) throws IOException {
    // Non-blocking, since opening a pipe of that name would wait for a writer.
    int flags = access | LibC.O_CLOEXEC | LibC.O_NONBLOCK;
    int fd = LIBC.open(there.toString(), flags, OWNER_ONLY);
    if (fd < 0) {
      int errno = Errno.last();
      throw switch (errno) {
        case Errno.ENOENT -> new NoSuchFileException(path.toString());
        case Errno.EACCES -> new AccessDeniedException(path.toString());
        case Errno.ELOOP -> new RefusedException("not a file");
        default -> new ErrnoException("open " + path, errno);
      };
    }
    return fd;
  }

  /** The kernel's status of a descriptor. */
  private record Status(int mode, int owner, int group, long inode) {
    static Status of(Path path, int fd) throws ErrnoException {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment status = arena.allocate(STATX_BYTES, 8);
        ErrnoException.check(
            "statx " + path,
            LIBC.statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, status.address()));
        return new Status(
            Short.toUnsignedInt(status.get(JAVA_SHORT, STATX_MODE)),
            status.get(JAVA_INT, STATX_UID),
            status.get(JAVA_INT, STATX_GID),
            status.get(JAVA_LONG, STATX_INODE));
      }
    }
  }

  private static void requireFolderOfNoOthers(Path folder, int fd) throws IOException {
    int mode = Status.of(folder, fd).mode();
    if ((mode & KIND) != FOLDER) {
      throw new NoSuchFileException(folder.toString());
    }
    if ((mode & OTHERS_WRITE) != 0) {
      throw new RefusedException("group or others can write to its folder");
    }
  }

  /** Checks that the file is private; returns its inode. */
  private static long requirePrivate(Path path, int fd) throws IOException {
    Status status = Status.of(path, fd);
    if ((status.mode() & KIND) != REGULAR) {
      throw new RefusedException("not a file");
    }
    if ((status.mode() & OTHERS) != 0 && !isReadByUsOnly(path, status)) {
      throw new RefusedException(
          "mode "
              + text(status.mode())
              + " lets group or others at it; make it 0600, or 0400 for a mounted secret");
    }
    if (status.owner() != ROOT && status.owner() != LIBC.geteuid()) {
      throw new RefusedException(
          "it belongs to user %d, who can read and change it; chown it, or run this as that user"
              .formatted(Integer.toUnsignedLong(status.owner())));
    }
    return status.inode();
  }

  /**
   * Whether the file is a credential that systemd let our user read by an access list: then the
   * bits of the group are the list's mask, and the group itself is root's.
   */
  private static boolean isReadByUsOnly(Path path, Status status) {
    return (status.mode() & OTHERS) == GROUP_READ
        && status.owner() == ROOT
        && status.group() == ROOT
        && Credentials.isGiven(path);
  }

  private static String text(int mode) {
    PosixFilePermission[] permissions = PosixFilePermission.values();
    Set<PosixFilePermission> granted = EnumSet.noneOf(PosixFilePermission.class);
    for (PosixFilePermission permission : permissions) {
      if ((mode >>> (permissions.length - 1 - permission.ordinal()) & 1) != 0) {
        granted.add(permission);
      }
    }
    return PosixFilePermissions.toString(granted);
  }

  /** The inode number, by which a copy of the file differs. */
  long inode() {
    return inode;
  }

  /** A channel to the opened file, even if another file has its name now. Close it before this. */
  FileChannel channel(Set<StandardOpenOption> access) throws IOException {
    return FileChannel.open(ofDescriptor(fd), access);
  }

  private static Path ofDescriptor(int fd) {
    return Path.of("/proc/self/fd/" + fd);
  }

  @Override
  public void close() {
    LIBC.close(fd);
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
