// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Messages arrive whole and in order, each with its descriptors; the ends of a connection, of the
 * time and of the listener are told apart.
 */
@Timeout(20)
@SuppressWarnings("try") // listeners that are closed early
final class DescriptorSocketTest {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Duration MOMENT = Duration.ofMillis(50);
  private static final byte[] TEXT = "hello".getBytes(US_ASCII);
  private static final int F_GETFD = 1;
  private static final int FD_CLOEXEC = 1;
  private static final int NOBODY = 65534;

  @TempDir private Path directory;
  private Path path;
  private DescriptorSocket left;
  private DescriptorSocket right;

  @BeforeEach
  void pair() throws IOException {
    path = directory.resolve("x.handover");
    List<DescriptorSocket> pair = DescriptorSocket.pair();
    left = pair.get(0);
    right = pair.get(1);
  }

  @AfterEach
  void close() {
    left.close();
    right.close();
  }

  private int openFile(String text) throws IOException {
    Path file = Files.writeString(directory.resolve("file-" + text), text);
    return ErrnoException.check("open", LIBC.open(file.toString(), LibC.O_RDONLY, 0));
  }

  private static String read(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(100);
      long length = LIBC.pread(fd, buffer.address(), 99, 0);
      return length < 0 ? "failed" : buffer.getString(0, US_ASCII);
    }
  }

  private static long openDescriptors() throws IOException {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  @Test
  void aDescriptorReadsTheSameFileAfterItsSenderClosedItsOwn() throws IOException {
    int fd = openFile("content");
    left.send(TEXT, List.of(fd));
    LIBC.close(fd);
    Files.delete(directory.resolve("file-content"));
    try (DescriptorSocket.Message message = right.receive(PATIENCE)) {
      assertArrayEquals(TEXT, message.bytes());
      assertEquals(1, message.descriptors().size());
      assertEquals("content", read(message.descriptors().getFirst()));
    }
  }

  @Test
  void aReceivedDescriptorIsNotInheritedByPrograms() throws IOException {
    int fd = openFile("content");
    assertEquals(0, LIBC.fcntl(fd, F_GETFD, 0), "the sender's own is inherited");
    left.send(TEXT, List.of(fd));
    LIBC.close(fd);
    try (DescriptorSocket.Message message = right.receive(PATIENCE)) {
      assertEquals(FD_CLOEXEC, LIBC.fcntl(message.descriptors().getFirst(), F_GETFD, 0));
    }
  }

  @Test
  void messagesStayApartAndEachKeepsItsDescriptorsInOrder() throws IOException {
    int a = openFile("a");
    int b = openFile("b");
    left.send(new byte[] {1}, List.of(b, a));
    left.send(new byte[] {2}, List.of());
    left.send(new byte[] {3}, List.of(a));
    LIBC.close(a);
    LIBC.close(b);
    try (DescriptorSocket.Message message = right.receive(PATIENCE)) {
      assertArrayEquals(new byte[] {1}, message.bytes());
      assertEquals("b", read(message.descriptors().get(0)));
      assertEquals("a", read(message.descriptors().get(1)));
    }
    assertEquals(List.of(), right.receive(PATIENCE).descriptors());
    try (DescriptorSocket.Message message = right.receive(PATIENCE)) {
      assertEquals("a", read(message.descriptors().getFirst()));
    }
  }

  @Test
  void aMessageCarries253DescriptorsAndNoMore() throws IOException {
    int fd = openFile("content");
    left.send(TEXT, Collections.nCopies(DescriptorSocket.MAX_DESCRIPTORS, fd));
    try (DescriptorSocket.Message message = right.receive(PATIENCE)) {
      assertEquals(253, message.descriptors().size());
      assertEquals("content", read(message.descriptors().get(252)));
    }
    assertThrows(
        IllegalArgumentException.class, () -> left.send(TEXT, Collections.nCopies(254, fd)));
    LIBC.close(fd);
  }

  @Test
  void theLongestMessageArrivesWholeAndALongerOneIsNotSent() throws IOException {
    byte[] longest = new byte[DescriptorSocket.MAX_BYTES];
    longest[longest.length - 1] = 7;
    left.send(longest, List.of());
    assertArrayEquals(longest, right.receive(PATIENCE).bytes());
    byte[] tooLong = new byte[longest.length + 1];
    assertThrows(IllegalArgumentException.class, () -> left.send(tooLong, List.of()));
    assertThrows(IllegalArgumentException.class, () -> left.send(new byte[0], List.of()));
  }

  @Test
  void aMessageThatIsCutOffIsRefusedAndItsDescriptorsAreClosed() throws IOException {
    int fd = openFile("content");
    left.send(TEXT, List.of(fd));
    left.send(TEXT, List.of(fd, fd, fd));
    long before = openDescriptors();
    assertThrows(ProtocolException.class, () -> right.receive(PATIENCE, 4, 1));
    ProtocolException refusal =
        assertThrows(ProtocolException.class, () -> right.receive(PATIENCE, 100, 2));
    assertTrue(refusal.toString().contains("descriptors"), refusal.toString());
    assertEquals(before, openDescriptors());
    LIBC.close(fd);
  }

  @Test
  void theEndOfTheConnectionIsToldApartFromTheEndOfTheTime() throws IOException {
    assertThrows(SocketTimeoutException.class, () -> right.receive(MOMENT));
    left.send(TEXT, List.of());
    left.close();
    assertArrayEquals(TEXT, right.receive(PATIENCE).bytes());
    assertThrows(EOFException.class, () -> right.receive(PATIENCE));
    ErrnoException refusal = assertThrows(ErrnoException.class, () -> right.send(TEXT, List.of()));
    assertEquals(Errno.EPIPE, refusal.errno());
  }

  @Test
  void theLastMessageOfAnEndThatDidNotReadOursArrives() throws IOException {
    right.send(TEXT, List.of());
    left.send(new byte[] {9}, List.of());
    left.close();
    assertArrayEquals(new byte[] {9}, right.receive(PATIENCE).bytes());
    assertThrows(EOFException.class, () -> right.receive(PATIENCE));
  }

  @Test
  void whoeverSendsIntoAFullBufferWaitsUntilThereIsRoomButNotForEver() throws Exception {
    byte[] large = new byte[DescriptorSocket.MAX_BYTES];
    assertThrows(
        SocketTimeoutException.class,
        () -> {
          while (true) {
            left.send(large, List.of());
          }
        });
    CompletableFuture<Void> sent =
        CompletableFuture.runAsync(
            () -> {
              try {
                left.send(TEXT, List.of());
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    byte[] last = right.receive(PATIENCE).bytes();
    while (last.length > TEXT.length) {
      last = right.receive(PATIENCE).bytes();
    }
    sent.get(2, TimeUnit.SECONDS);
    assertArrayEquals(TEXT, last);
  }

  @Test
  void closingEndsAWaitInAnotherThread() throws Exception {
    CompletableFuture<Exception> ended = new CompletableFuture<>();
    Thread.ofPlatform()
        .start(
            () ->
                ended.complete(
                    assertThrows(ClosedChannelException.class, () -> right.receive(PATIENCE))));
    Thread.sleep(MOMENT);
    assertFalse(ended.isDone());
    right.close();
    ended.get(2, TimeUnit.SECONDS);
    assertThrows(ClosedChannelException.class, () -> right.send(TEXT, List.of()));
  }

  @Test
  void aListenerIsForItsOwnerAndKnowsWhoConnects() throws IOException {
    try (DescriptorSocket.Listener listener = DescriptorSocket.Listener.open(path);
        DescriptorSocket client = DescriptorSocket.connect(path);
        DescriptorSocket server = listener.accept(PATIENCE)) {
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
      client.send(TEXT, List.of());
      assertArrayEquals(TEXT, server.receive(PATIENCE).bytes());
      int pid = (int) ProcessHandle.current().pid();
      DescriptorSocket.Peer self = new DescriptorSocket.Peer(pid, LIBC.geteuid(), LIBC.getegid());
      assertEquals(self, server.peer());
      assertEquals(self, client.peer());
    }
    try (var files = Files.list(directory)) {
      assertEquals(List.of(), files.toList(), "nothing is left of a listener");
    }
  }

  @Test
  void anotherUserIsSeen() throws Exception {
    assumeTrue(LIBC.geteuid() == 0, "only root can become another user");
    try (DescriptorSocket.Listener listener = DescriptorSocket.Listener.open(path)) {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw-rw-"));
      try (DescriptorSocket client = asNobody(() -> DescriptorSocket.connect(path)).get();
          DescriptorSocket server = listener.accept(PATIENCE)) {
        assertEquals(NOBODY, server.peer().uid());
        assertEquals(0, client.peer().uid());
      }
    }
  }

  private static <T> CompletableFuture<T> asNobody(Callable<T> work) throws InterruptedException {
    CompletableFuture<T> done = new CompletableFuture<>();
    // The system call, unlike the C library's function, changes the calling thread alone.
    Thread.ofPlatform()
        .start(
            () -> {
              long call = System.getProperty("os.arch").equals("aarch64") ? 147 : 117;
              LIBC.syscall(call, -1, NOBODY, -1);
              try {
                done.complete(work.call());
              } catch (Throwable e) {
                done.completeExceptionally(e);
              }
            })
        .join();
    return done;
  }

  /** In a folder in which each user may replace the files of others. */
  @Test
  void theNameOfAnotherUsersListenerIsNotTakenOver() throws Exception {
    assumeTrue(LIBC.geteuid() == 0, "only root can become another user");
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    try (DescriptorSocket.Listener first = DescriptorSocket.Listener.open(path)) {
      Object before = Files.getAttribute(path, "unix:ino");
      assertThrows(FileAlreadyExistsException.class, () -> DescriptorSocket.Listener.open(path));
      ExecutionException refusal =
          assertThrows(
              ExecutionException.class,
              () -> asNobody(() -> DescriptorSocket.Listener.open(path)).get());
      assertInstanceOf(AccessDeniedException.class, refusal.getCause());
      assertEquals(before, Files.getAttribute(path, "unix:ino"));
      assertTrue(SocketFile.isLive(path));
      first.close();
    }
    try (var files = Files.list(directory)) {
      assertEquals(List.of(), files.toList(), "nothing is left of the attempt");
    }
  }

  @Test
  void onlyADeadListenersNameIsRemoved() throws IOException {
    DescriptorSocket.Listener first = DescriptorSocket.Listener.open(path);
    assertThrows(FileAlreadyExistsException.class, () -> SocketFile.removeDead(path));
    Path copy = directory.resolve("copy");
    Files.createLink(copy, path);
    first.close();
    SocketFile.removeDead(copy);
    SocketFile.removeDead(copy);
    try (var files = Files.list(directory)) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void aListenerWaitsForATimeAndIsClosedByAnotherThread() throws Exception {
    try (DescriptorSocket.Listener listener = DescriptorSocket.Listener.open(path)) {
      assertThrows(SocketTimeoutException.class, () -> listener.accept(MOMENT));
      Thread closer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      Thread.sleep(MOMENT);
                      listener.close();
                    } catch (IOException | InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  });
      assertThrows(ClosedChannelException.class, () -> listener.accept(PATIENCE));
      closer.join();
    }
    ErrnoException gone = assertThrows(ErrnoException.class, () -> DescriptorSocket.connect(path));
    assertEquals(Errno.ENOENT, gone.errno());
  }

  @Test
  void aLivingListenerKeepsItsNameUnlessItIsTakenOver() throws IOException {
    try (DescriptorSocket.Listener first = DescriptorSocket.Listener.open(path)) {
      assertThrows(FileAlreadyExistsException.class, () -> DescriptorSocket.Listener.open(path));
      Object before = Files.getAttribute(path, "unix:ino");
      try (DescriptorSocket.Listener second = DescriptorSocket.Listener.takeOver(path)) {
        assertNotEquals(before, Files.getAttribute(path, "unix:ino"));
        assertEquals(
            "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        first.close();
        try (DescriptorSocket client = DescriptorSocket.connect(path);
            DescriptorSocket server = second.accept(PATIENCE)) {
          client.send(TEXT, List.of());
          assertArrayEquals(TEXT, server.receive(PATIENCE).bytes());
        }
      }
    }
    assertFalse(Files.exists(path));
  }

  @Test
  void theNameOfADeadListenerIsReplaced() throws IOException {
    DescriptorSocket.Listener dead = DescriptorSocket.Listener.open(path);
    Path copy = directory.resolve("copy");
    Files.createLink(copy, path);
    dead.close();
    Files.move(copy, path);
    ErrnoException refusal =
        assertThrows(ErrnoException.class, () -> DescriptorSocket.connect(path));
    assertEquals(Errno.ECONNREFUSED, refusal.errno());
    assertFalse(SocketFile.isLive(path));
    try (DescriptorSocket.Listener living = DescriptorSocket.Listener.open(path)) {
      assertTrue(SocketFile.isLive(path));
      assertThrows(SocketTimeoutException.class, () -> living.accept(MOMENT));
    }
  }

  @Test
  void aPathThatIsTooLongForASocketIsRefused() {
    Path tooLong = directory.resolve("x".repeat(120));
    IOException refusal = assertThrows(IOException.class, () -> DescriptorSocket.connect(tooLong));
    assertTrue(refusal.toString().contains("107"), refusal.toString());
  }
}
