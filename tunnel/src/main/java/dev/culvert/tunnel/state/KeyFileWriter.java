// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.random.RandomGenerator;

/** Rotates the ESP engine's key file. */
public final class KeyFileWriter {
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
            file
                + " is not rotated: another rotation is at work in its folder; wait for it, then try again");
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
        PrivateFile.replace(real, after);
        return rotated.published().id();
      }
    } finally {
      Arrays.fill(after, (byte) 0);
    }
  }
}
