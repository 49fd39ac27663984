// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ProtocolException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients do not notice that another server goes on with their connections and the socket. */
@Timeout(30)
@SuppressWarnings("try") // servers and clients that only have to be there
final class HandOverTest {
  private static final int LONG = 100_000;

  @TempDir private Path directory;
  private Path path;
  private LocalServer server;
  private final CountDownLatch began = new CountDownLatch(1);
  private final CountDownLatch mayEnd = new CountDownLatch(1);

  /** A client that writes lines and reads an answer to each. */
  private static final class Client implements AutoCloseable {
    private final SocketChannel channel;
    private final BufferedReader answers;

    Client(Path path) throws IOException {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(path));
      answers = new BufferedReader(Channels.newReader(channel, US_ASCII));
    }

    void write(String text) throws IOException {
      for (ByteBuffer rest = US_ASCII.encode(text); rest.hasRemaining(); ) {
        channel.write(rest);
      }
    }

    @Nullable String answer() throws IOException {
      return answers.readLine();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  @BeforeEach
  void open() throws IOException {
    path = directory.resolve("x.sock");
    server = LocalServer.open(path, answering("old"));
  }

  @AfterEach
  void close() throws IOException {
    mayEnd.countDown();
    server.close();
  }

  private Conversation.Handler answering(String name) {
    return (in, out) -> () -> answer(name, in, out);
  }

  private boolean answer(String name, InputStream in, OutputStream out) throws IOException {
    StringBuilder line = new StringBuilder();
    int next = in.read();
    while (next >= 0 && next != '\n') {
      line.append((char) next);
      next = in.read();
    }
    if (next < 0) {
      return false;
    }
    if (line.toString().equals("slow")) {
      began.countDown();
      try {
        mayEnd.await(10, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
    out.write(
        (name + " " + (line.length() > LONG ? line.length() : line) + "\n").getBytes(US_ASCII));
    return true;
  }

  private LocalServer successor(HandOver handOver) throws IOException {
    Succession succession = Succession.of(handOver);
    return LocalServer.adopt(
        path, succession.listening(), succession.connections(), answering("new"));
  }

  /** Replaces the server by a successor. */
  private void succeed() throws Exception {
    LocalServer old = server;
    server = successor(old.handOver());
    old.close();
  }

  private static void awaitReading() throws InterruptedException {
    Thread.sleep(100); // By then the server has read all that was written.
  }

  @Test
  void theSuccessorAnswersOnOldAndNewConnections() throws Exception {
    try (Client client = new Client(path)) {
      client.write("1\n");
      assertEquals("old 1", client.answer());
      succeed();
      client.write("2\n");
      assertEquals("new 2", client.answer());
      try (Client later = new Client(path)) {
        later.write("3\n");
        assertEquals("new 3", later.answer());
      }
    }
  }

  @Test
  void aHalfWrittenRequestSurvives() throws Exception {
    try (Client client = new Client(path)) {
      client.write("first\nsecond, ha");
      assertEquals("old first", client.answer());
      awaitReading();
      succeed();
      client.write("lf");
      awaitReading();
      succeed();
      client.write("\nthird\n");
      assertEquals("new second, half", client.answer());
      assertEquals("new third", client.answer());
    }
  }

  @Test
  void requestsThatAreWrittenDuringTheHandOverAreAnsweredByTheSuccessor() throws Exception {
    try (Client client = new Client(path)) {
      client.write("1\n");
      assertEquals("old 1", client.answer());
      HandOver handOver = server.handOver();
      client.write("2\n3\n");
      try (Client waiting = new Client(path)) {
        waiting.write("4\n");
        awaitReading();
        LocalServer old = server;
        server = successor(handOver);
        old.close();
        assertEquals("new 2", client.answer());
        assertEquals("new 3", client.answer());
        assertEquals("new 4", waiting.answer());
      }
    }
  }

  @Test
  void requestsThatWereReadAheadAreAnsweredByTheSuccessor() throws Exception {
    try (Client client = new Client(path)) {
      client.write("slow\n2\n3\n");
      began.await();
      Thread release = Thread.ofVirtual().start(this::endSoon);
      succeed();
      release.join();
      assertEquals("old slow", client.answer());
      assertEquals("new 2", client.answer());
      assertEquals("new 3", client.answer());
    }
  }

  private void endSoon() {
    try {
      Thread.sleep(200);
      mayEnd.countDown();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void anOperationThatDoesNotEndInTimeIsEndedWithItsConnection() throws Exception {
    try (Client slow = new Client(path);
        Client other = new Client(path)) {
      other.write("1\n");
      assertEquals("old 1", other.answer());
      slow.write("slow\n");
      began.await();
      long begin = System.nanoTime();
      succeed();
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
      assertTrue(millis >= 900 && millis < 3000, millis + " ms");
      assertNull(slow.answer());
      other.write("2\n");
      assertEquals("new 2", other.answer());
    }
  }

  @Test
  void aClientThatSendsNothingStaysConnected() throws Exception {
    try (Client client = new Client(path)) {
      for (int i = 0; i < 5; i++) {
        succeed();
      }
      client.write("1\n");
      assertEquals("new 1", client.answer());
    }
  }

  @Test
  void aClientThatHungUpMeanwhileEndsItsConnection() throws Exception {
    HandOver handOver;
    try (Client client = new Client(path)) {
      client.write("1\n");
      assertEquals("old 1", client.answer());
      handOver = server.handOver();
      assertEquals(1, handOver.connections().size());
    }
    LocalServer old = server;
    server = successor(handOver);
    old.close();
    awaitReading();
    assertEquals(List.of(), server.handOver().connections());
  }

  @Test
  void afterAHandOverThatFailedTheServerGoesOnAsBefore() throws Exception {
    try (Client client = new Client(path)) {
      client.write("1\nha");
      assertEquals("old 1", client.answer());
      awaitReading();
      server.handOver();
      client.write("l");
      server.resume();
      client.write("f\n");
      assertEquals("old half", client.answer());
      try (Client later = new Client(path)) {
        later.write("3\n");
        assertEquals("old 3", later.answer());
      }
      succeed();
      client.write("4\n");
      assertEquals("new 4", client.answer());
    }
  }

  @Test
  void theNameStaysUntilTheSuccessorCloses() throws Exception {
    LocalServer old = server;
    succeed();
    old.awaitGone();
    assertTrue(LocalServer.isLive(path));
    server.close();
    assertFalse(Files.exists(path));
  }

  @Test
  void aNameThatBelongsToAnotherSocketByThenIsLeftAlone() throws Exception {
    assumeTrue(LIBC.geteuid() == 0, "only a network administrator can ask a socket for its file");
    Path other = directory.resolve("other.sock");
    HandOver handOver = server.handOver();
    try (LocalServer stranger = LocalServer.open(other, answering("stranger"))) {
      Files.move(other, path, StandardCopyOption.ATOMIC_MOVE);
      LocalServer old = server;
      server = successor(handOver);
      old.close();
      server.awaitGone();
      server.close();
      assertTrue(LocalServer.isLive(path));
      Files.delete(path);
    }
  }

  @Test
  void aLongRequestIsServedWholeAndOneThatIsTooLongToKeepIsGivenUp() throws Exception {
    String text = "x".repeat(LONG + 1);
    try (Client client = new Client(path)) {
      client.write(text + "\n");
      assertEquals("old 100001", client.answer());
      client.write(text);
      awaitReading();
      succeed();
      assertNull(client.answer());
    }
  }

  @Test
  void connectionsHaveALimit() throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < LocalServer.MAX_CONNECTIONS; i++) {
      Client client = new Client(path);
      clients.add(client);
      client.write("1\n");
      assertEquals("old 1", client.answer());
    }
    try (Client tooMany = new Client(path)) {
      assertNull(tooMany.answer());
    }
    succeed();
    for (Client client : clients) {
      client.write("2\n");
      assertEquals("new 2", client.answer());
      client.close();
    }
  }

  @Test
  void bytesThatTheirWriterCanStillChangeAreRefusedAndNothingStaysOpen() throws Exception {
    try (Client client = new Client(path)) {
      client.write("1\n");
      assertEquals("old 1", client.answer());
      Succession succession = Succession.of(server.handOver());
      List<Integer> descriptors = new ArrayList<>(succession.connections());
      int unsealed = LIBC.memfd_create("test", 3);
      LIBC.pwrite(unsealed, 0, 0, 0);
      descriptors.add(unsealed);
      assertThrows(
          ProtocolException.class,
          () -> LocalServer.adopt(path, succession.listening(), descriptors, answering("new")));
      descriptors.add(succession.listening());
      for (int fd : descriptors) {
        assertTrue(LIBC.fcntl(fd, 1, 0) < 0, "open: " + fd);
      }
      server.resume();
      client.write("2\n");
      assertEquals("old 2", client.answer());
    }
  }

  @Test
  void aServerIsHandedOverOnce() throws Exception {
    server.handOver();
    assertThrows(IllegalStateException.class, () -> server.handOver());
    server.close();
    assertThrows(IllegalStateException.class, () -> server.handOver());
    Files.delete(path);
  }
}
