// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.read.KeyFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.Objects;
import java.util.Set;

/** A gateway's private key, which is made at the first start and kept from then on. */
final class Identity {
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private Identity() {}

  /** The key in {@code source}, made now if its file does not exist. The caller closes it. */
  static SecretBytes loadOrCreate(KeySource source, SecureRandom random) throws ConfigException {
    if (source instanceof KeySource.InFile(Path path, Place place) && !Files.exists(path)) {
      try {
        create(path, random);
      } catch (IOException e) {
        throw place.error("cannot make the private key " + path + ": " + e);
      }
    }
    return KeyFile.read(source);
  }

  /**
   * Writes the whole key to disk before the file gets its name, and never replaces a key: a crash
   * or a second process at the same moment leaves one key.
   */
  private static void create(Path path, SecureRandom random) throws IOException {
    Path directory = Objects.requireNonNull(path.toAbsolutePath().getParent());
    Files.createDirectories(directory, OWNER_DIRECTORY);
    Path unnamed =
        directory.resolve("." + path.getFileName() + "." + ProcessHandle.current().pid());
    byte[] key = X25519.generatePrivateKey(random);
    byte[] text = Arrays.copyOf(Base64.getEncoder().encode(key), 45);
    text[44] = '\n';
    try {
      Files.deleteIfExists(unnamed);
      try (FileChannel file =
          FileChannel.open(
              unnamed,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              OWNER_FILE)) {
        file.write(ByteBuffer.wrap(text));
        file.force(true);
      }
      Files.createLink(path, unnamed);
      sync(directory);
    } catch (FileAlreadyExistsException e) {
      return; // another process was first; its key is used
    } finally {
      Arrays.fill(key, (byte) 0);
      Arrays.fill(text, (byte) 0);
      Files.deleteIfExists(unnamed);
    }
  }

  /** Makes the new name itself survive a crash. */
  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
