// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * A Secret as a kubelet mounts it, with {@code defaultMode: 0400}: {@code keys} is a link to {@code
 * ..data/keys}, and {@code ..data} one to a folder of this version. A change makes a new folder,
 * swaps {@code ..data}, and deletes the former folder (AtomicWriter of Kubernetes).
 */
final class MountedSecret {
  private static final String KEY = "keys";
  private static final Path DATA = Path.of("..data");

  private final Path folder;
  private int version;

  MountedSecret(Path folder) {
    this.folder = folder;
    try {
      Files.createDirectory(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The file that the daemon reads. */
  Path file() {
    return folder.resolve(KEY);
  }

  /** Gives the Secret other contents. */
  void set(String text) {
    try {
      replace(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void replace(String text) throws IOException {
    Path former = folder.resolve("..version_" + version);
    version++;
    Path next = Files.createDirectory(folder.resolve("..version_" + version));
    Path content = next.resolve(KEY);
    Files.write(content, text.getBytes(StandardCharsets.US_ASCII));
    Files.setPosixFilePermissions(content, PosixFilePermissions.fromString("r--------"));
    Path link = Files.createSymbolicLink(folder.resolve("..data_tmp"), next.getFileName());
    Files.move(link, folder.resolve(DATA), StandardCopyOption.ATOMIC_MOVE);
    if (!Files.isSymbolicLink(file())) {
      Files.createSymbolicLink(file(), DATA.resolve(KEY));
    }
    Files.deleteIfExists(former.resolve(KEY));
    Files.deleteIfExists(former);
  }
}
