// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The name of a listening socket in the file system. The socket is bound in a directory that only
 * its owner may enter, and linked to its name once its mode is right, so that other users cannot
 * open it at any moment. Linking also fails if the name is taken: two processes never share it.
 */
final class SocketFile {
  private final Path path;
  private final Object identity;

  private SocketFile(Path path, Object identity) {
    this.path = path;
    this.identity = identity;
  }

  /** Whether a server answers at {@code path}. */
  static boolean isLive(Path path) {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return probe.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Binds {@code channel} and gives it the name {@code path}. A name that a dead process left is
   * taken over.
   *
   * @throws FileAlreadyExistsException if a server answers at {@code path}
   */
  static SocketFile bind(ServerSocketChannel channel, Path path) throws IOException {
    Path parent = Objects.requireNonNull(path.toAbsolutePath().getParent());
    Path nest = Files.createTempDirectory(parent, ".culvert-", PrivateFile.FOLDER_MODE);
    Path born = nest.resolve("s");
    try {
      channel.bind(UnixDomainSocketAddress.of(born));
      // A socket has no content, so it cannot be written aside as a PrivateFile.
      Files.setPosixFilePermissions(born, PosixFilePermissions.fromString("rw-------"));
      removeStale(path, nest.resolve("stale"));
      Files.createLink(path, born);
      return new SocketFile(path, Objects.requireNonNull(inode(path)));
    } finally {
      Files.deleteIfExists(born);
      Files.deleteIfExists(nest);
    }
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
    boolean revived = isLive(aside);
    if (revived) {
      Files.createLink(path, aside);
    }
    Files.delete(aside);
    if (revived) {
      throw new FileAlreadyExistsException(path.toString());
    }
  }

  static ServerSocketChannel newChannel() throws IOException {
    return ServerSocketChannel.open(StandardProtocolFamily.UNIX);
  }

  /** Whether the name still leads to this socket: neither deleted nor replaced. */
  boolean isOurs() {
    return identity.equals(inode(path));
  }

  void delete() throws IOException {
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
