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
import java.nio.charset.StandardCharsets;
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

/** Makes keys for the ESP engine's key file. Keys never become strings. */
public final class KeyFileWriter {
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private static final int LAST_ID = 15;
  private static final int SALT_BYTES = 4;
  private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private KeyFileWriter() {}

  /**
   * A line of a key file with a new key, with its end; the caller wipes it.
   *
   * @param id 1 to 15
   * @param aesKeyBytes 16 or 32
   * @param random unpredictable
   */
  public static byte[] newLine(int id, int aesKeyBytes, RandomGenerator random) {
    byte[] key = new byte[aesKeyBytes + SALT_BYTES];
    random.nextBytes(key);
    byte[] start = (id + " rfc4106(gcm(aes)) ").getBytes(StandardCharsets.US_ASCII);
    byte[] end = " 128\n".getBytes(StandardCharsets.US_ASCII);
    ByteBuffer line = ByteBuffer.allocate(start.length + 2 * key.length + end.length).put(start);
    for (byte b : key) {
      line.put(DIGITS[b >> 4 & 15]).put(DIGITS[b & 15]);
    }
    Arrays.fill(key, (byte) 0);
    return line.put(end).array();
  }

  /**
   * Puts a new key, of the next id, behind the one that {@code file} publishes. Keys before that
   * one go: whoever still needs them has them in memory. The file is replaced as a whole, so that a
   * reader sees the old one or the new one; a symbolic link stays one.
   *
   * <p>One rotation at a time: two would read the same keys, and both say that theirs are in.
   *
   * @return the new key's id
   * @throws KeyFileException where the file is refused as it is
   * @throws IOException where it cannot be replaced, or is being rotated by somebody else
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
   * Locks the folder until it is closed: a lock on the file would go with it when it is replaced.
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
      int id = keys.published().id() % LAST_ID + 1;
      after = concat(lastLine(before), newLine(id, keys.published().aesKeyLength(), random));
      KeyFile.parse(file.toString(), after).close();
      replace(real, after);
      return id;
    } finally {
      Arrays.fill(after, (byte) 0);
    }
  }

  private static byte[] concat(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    Arrays.fill(first, (byte) 0);
    Arrays.fill(second, (byte) 0);
    return both;
  }

  /** The last line that is not blank, with a line's end. */
  private static byte[] lastLine(byte[] text) {
    int end = text.length;
    while (end > 0 && text[end - 1] <= ' ') {
      end--;
    }
    int start = end;
    while (start > 0 && text[start - 1] != '\n') {
      start--;
    }
    byte[] line = Arrays.copyOfRange(text, start, end + 1);
    line[end - start] = '\n';
    return line;
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
