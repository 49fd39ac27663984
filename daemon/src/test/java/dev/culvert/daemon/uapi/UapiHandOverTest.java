// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.socket.Succession;
import dev.culvert.daemon.testing.FakeWireGuard;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Programs that configure or watch a device do not notice that its process is replaced. */
@Timeout(60)
@SuppressWarnings("try") // a server that only has to be there
final class UapiHandOverTest {
  private static final int CLIENTS = 50;
  private static final int HAND_OVERS = 20;

  @TempDir private Path directory;
  private final FakeWireGuard device = new FakeWireGuard("fake0");
  private final AtomicBoolean over = new AtomicBoolean();
  private final AtomicInteger answers = new AtomicInteger();
  private String expected = "";

  @BeforeEach
  void configure() throws IOException {
    StringBuilder operation = new StringBuilder("set=1\nprivate_key=" + "41".repeat(32) + "\n");
    for (int i = 0; i < 60; i++) {
      operation.append("public_key=%064x\nallowed_ip=10.0.0.%d/32\n".formatted(i + 1, i));
    }
    try (UapiServer server = UapiServer.open(directory, device, Handed.NOTHING);
        SocketChannel channel = connect()) {
      write(channel, operation + "\n");
      assertEquals("errno=0\n\n", read(channel));
      write(channel, "get=1\n\n");
      expected = read(channel);
    }
    assertTrue(expected.length() > 10_000, expected);
  }

  private SocketChannel connect() throws IOException {
    return SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("fake0.sock")));
  }

  private static void write(SocketChannel channel, String text) throws IOException {
    for (ByteBuffer rest = US_ASCII.encode(text); rest.hasRemaining(); ) {
      channel.write(rest);
    }
  }

  /** Reads one answer; it is cut off if the connection ends. */
  private static String read(SocketChannel channel) throws IOException {
    StringBuilder answer = new StringBuilder();
    ByteBuffer some = ByteBuffer.allocate(4096);
    while (!answer.toString().endsWith("\n\n") && channel.read(some) >= 0) {
      answer.append(US_ASCII.decode(some.flip()));
      some.clear();
    }
    return answer.toString();
  }

  /** Asks until it is over, half of the time with a pause in the midst of the request. */
  private void ask(int number) throws IOException, InterruptedException {
    try (SocketChannel channel = connect()) {
      while (!over.get()) {
        if (number % 2 == 0) {
          write(channel, "get=1\n\n");
        } else {
          write(channel, "get=");
          Thread.sleep(number % 7);
          write(channel, "1\n\n");
        }
        assertEquals(expected, read(channel));
        answers.incrementAndGet();
      }
    }
  }

  @Test
  void fiftyClientsSeeEveryAnswerWholeOverTwentyHandOvers() throws Exception {
    UapiServer server = UapiServer.open(directory, device, Handed.NOTHING);
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      try {
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
          int number = i;
          all.add(
              clients.submit(
                  () -> {
                    ask(number);
                    return null;
                  }));
        }
        for (int i = 0; i < HAND_OVERS; i++) {
          int before = answers.get();
          while (answers.get() < before + 2 * CLIENTS) {
            Thread.sleep(1);
          }
          UapiServer old = server;
          Succession succession = Succession.of(old.handOver());
          server = UapiServer.open(directory, device, succession.handed());
          old.close();
        }
        over.set(true);
        for (Future<?> one : all) {
          one.get();
        }
      } finally {
        over.set(true);
        server.close();
      }
    }
  }
}
