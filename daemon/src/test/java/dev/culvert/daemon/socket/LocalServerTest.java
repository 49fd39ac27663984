// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.AnotherUser;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A local socket is for its owner alone, replaces only the socket of a dead process, and stops
 * serving when its file is deleted or replaced.
 */
@SuppressWarnings("try") // servers that only have to be there
final class LocalServerTest {
  private static final Conversation.Handler ECHO =
      (in, out) ->
          () -> {
            int next = in.read();
            if (next >= 0) {
              out.write(next);
            }
            return next >= 0;
          };

  @TempDir private Path directory;
  private Path path;

  @BeforeEach
  void name() {
    path = directory.resolve("run/x.sock");
  }

  private static byte[] echo(Path path, byte[] text) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      channel.write(ByteBuffer.wrap(text));
      channel.shutdownOutput();
      return Channels.newInputStream(channel).readAllBytes();
    }
  }

  @Test
  void theSocketIsForItsOwnerAndAnswers() throws IOException {
    try (LocalServer server = LocalServer.open(path, ECHO)) {
      assertEquals("rw-------", mode(path));
      assertEquals("rwxr-xr-x", mode(directory.resolve("run")));
      byte[] text = "hello".getBytes(US_ASCII);
      assertArrayEquals(text, echo(path, text));
      assertTrue(LocalServer.isLive(path));
    }
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void aUserWhoMayNotConnectIsNotToldThatNobodyAnswers() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (LocalServer server = LocalServer.open(path, ECHO)) {
      String told = new OtherUserException(path).getMessage(); // which loads the class
      assertTrue(LocalServer.isLive(path));
      OtherUserException refusal =
          assertThrows(
              OtherUserException.class, () -> AnotherUser.call(() -> LocalServer.isLive(path)));
      assertEquals(
          path
              + " belongs to user root, and this user may not use it (permission denied); run this"
              + " as root",
          refusal.getMessage(),
          told);
    }
    assertFalse(AnotherUser.call(() -> LocalServer.isLive(path)), "it is gone");
  }

  @Test
  void whetherOneAnswersInAFolderThatIsClosedIsNotKnown() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    String told = new OtherUserException(path).getMessage(); // which loads the class
    assertFalse(LocalServer.isLive(path));
    assertThrows(
        OtherUserException.class, () -> AnotherUser.call(() -> LocalServer.isLive(path)), told);
  }

  @Test
  void closingLeavesNothing() throws IOException {
    LocalServer.open(path, ECHO).close();
    try (var files = Files.list(directory.resolve("run"))) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void aNameThatAnswersIsRefusedAndGoesOnAnswering() throws IOException {
    try (LocalServer first = LocalServer.open(path, ECHO)) {
      assertThrows(FileAlreadyExistsException.class, () -> LocalServer.open(path, ECHO));
      assertArrayEquals(new byte[] {7}, echo(path, new byte[] {7}));
      try (var files = Files.list(directory.resolve("run"))) {
        assertEquals(List.of(path), files.toList());
      }
    }
  }

  @Test
  void aNameThatADeadProcessLeftIsReplaced() throws IOException {
    Files.createDirectories(directory.resolve("run"));
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(path));
    }
    assertTrue(Files.exists(path));
    assertFalse(LocalServer.isLive(path));
    try (LocalServer server = LocalServer.open(path, ECHO)) {
      assertArrayEquals(new byte[] {7}, echo(path, new byte[] {7}));
    }
  }

  @Test
  void deletingTheFileEndsTheWait() throws Exception {
    try (LocalServer server = LocalServer.open(path, ECHO)) {
      Files.delete(path);
      server.awaitGone();
    }
  }

  @Test
  void aReplacedFileEndsTheWaitAndIsNotDeletedAtTheEnd() throws Exception {
    try (LocalServer server = LocalServer.open(path, ECHO)) {
      Path other = Files.createFile(directory.resolve("other"));
      Files.move(other, path, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      server.awaitGone();
    }
    assertTrue(Files.exists(path));
  }

  @Test
  void closingEndsTheWaitAndEveryConnection() throws Exception {
    LocalServer server = LocalServer.open(path, ECHO);
    try (SocketChannel idle = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      idle.write(ByteBuffer.wrap(new byte[] {1}));
      assertEquals(1, idle.read(ByteBuffer.allocate(1)));
      server.close();
      server.awaitGone();
      assertEquals(-1, idle.read(ByteBuffer.allocate(1)));
    }
  }
}
