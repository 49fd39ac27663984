// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Objects;
import java.util.Set;
import java.util.random.RandomGenerator;

/** Rotates the ESP engine's key file. */
public final class KeyFileWriter {
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private KeyFileWriter() {}

  /**
   * Adds a new key with the next id after the one that {@code file} publishes ({@link
   * KeyFile#rotated}). The file is replaced as a whole, so that a reader sees the old or the new
   * one; a symbolic link stays one.
   *
   * <p>Only one rotation runs at a time, since two would read the same keys and overwrite each
   * other's.
   *
   * @return the new key's id
   * @throws KeyFileException if the present file is refused
   * @throws IOException if it cannot be replaced, or if another process is rotating it
   */
  public static int rotate(Path file, RandomGenerator random) throws IOException, KeyFileException {
    Path real = file.toRealPath();
    int folder = lock(file, Objects.requireNonNull(real.getParent()));
    try {
      return rotateLocked(file, real, random);
    } finally {
      LIBC.close(folder);
    }
  }

  /**
   * Locks the folder until it is closed, since a lock on the file would be lost when the file is
   * replaced.
   */
  private static int lock(Path file, Path folder) throws IOException {
    int fd =
        ErrnoException.check(
            "open " + folder, LIBC.open(folder.toString(), LibC.O_RDONLY | LibC.O_CLOEXEC, 0));
    if (LIBC.flock(fd, LibC.LOCK_EX | LibC.LOCK_NB) < 0) {
      int errno = Errno.last();
      LIBC.close(fd);
      if (errno == Errno.EAGAIN) {
        throw new IOException(
            file + " is not rotated: another rotation is at work in its folder; see what it did");
      }
      throw new ErrnoException("lock " + folder, errno);
    }
    return fd;
  }

  private static int rotateLocked(Path file, Path real, RandomGenerator random)
      throws IOException, KeyFileException {
    byte[] before = {};
    try {
      before = readOnce(real);
      return replaceKeys(file, real, before, random);
    } finally {
      Arrays.fill(before, (byte) 0);
    }
  }

  private static byte[] readOnce(Path real) throws IOException, KeyFileException {
    try {
      return PrivateFile.read(real, KeyFileReader.MAX_BYTES);
    } catch (PrivateFile.RefusedException e) {
      throw new KeyFileException(real.toString(), 0, "", e.reason());
    }
  }

  private static int replaceKeys(Path file, Path real, byte[] before, RandomGenerator random)
      throws IOException, KeyFileException {
    byte[] after = {};
    try (KeyFile keys = KeyFile.parse(real.toString(), before)) {
      after = keys.rotated(before, random);
      try (KeyFile rotated = KeyFile.parse(file.toString(), after)) {
        replace(real, after);
        return rotated.published().id();
      }
    } finally {
      Arrays.fill(after, (byte) 0);
    }
  }

  private static void replace(Path file, byte[] text) throws IOException {
    Path directory = Objects.requireNonNull(file.getParent());
    Path half = directory.resolve("." + file.getFileName() + "." + ProcessHandle.current().pid());
    try {
      try (FileChannel out =
          FileChannel.open(
              half, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), OWNER_ONLY)) {
        for (ByteBuffer rest = ByteBuffer.wrap(text); rest.hasRemaining(); ) {
          out.write(rest);
        }
        out.force(true);
      }
      Files.move(half, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(half);
    }
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
