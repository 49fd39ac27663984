// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.kernel.ErrnoException;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Over loopback: takes no root. */
class EpollPortTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate(1000);
  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final IoEventLoop loop = group.next();
  private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private @Nullable UdpPort bound;

  @BeforeEach
  void bind() throws Exception {
    bound = UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT);
  }

  @AfterEach
  void close() throws Exception {
    group.shutdownGracefully(0, 10, TimeUnit.SECONDS).sync();
    port().close();
    arena.close();
  }

  private UdpPort port() {
    return Objects.requireNonNull(bound);
  }

  private void send(int length) {
    Endpoint self = Endpoint.of(IpAddress.parse("127.0.0.1"), port().port());
    assertEquals(0, port().sendOne(memory, 0, length, self, 0));
  }

  private @Nullable Object next() throws Exception {
    return seen.poll(10, TimeUnit.SECONDS);
  }

  /** Receives one message a call, so that a backlog takes several events. */
  private Runnable receiver() {
    ReceiveBatch one = new ReceiveBatch(1, arena);
    return () -> {
      try {
        if (port().receive(one) == 1) {
          seen.add(one.length(0));
        }
      } catch (ErrnoException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  @Test
  void whatArrivesIsReadOnTheLoop() throws Exception {
    Runnable receiver = receiver();
    Runnable onLoop =
        () -> {
          if (loop.inEventLoop()) {
            receiver.run();
          }
        };
    EpollPort.register(loop, port().fd(), onLoop, seen::add, PATIENCE);
    send(10);
    assertEquals(10, next());
    send(11);
    assertEquals(11, next());
  }

  @Test
  void aReaderThatStopsOnABudgetIsCalledAgain() throws Exception {
    for (int length = 1; length <= 5; length++) {
      send(length);
    }
    EpollPort.register(loop, port().fd(), receiver(), seen::add, PATIENCE);
    for (int length = 1; length <= 5; length++) {
      assertEquals(length, next());
    }
  }

  @Test
  void whatAReaderThrowsIsReportedAndStopsNoLaterEvent() throws Exception {
    IllegalStateException thrown = new IllegalStateException("on purpose");
    Runnable receiver = receiver();
    AtomicInteger calls = new AtomicInteger();
    Runnable failing =
        () -> {
          receiver.run();
          if (calls.incrementAndGet() <= 2) {
            throw thrown;
          }
        };
    EpollPort.register(loop, port().fd(), failing, seen::add, PATIENCE);
    send(1);
    assertEquals(1, next());
    assertSame(thrown, next());
    send(2);
    assertEquals(2, next());
    assertSame(thrown, next());
    send(3);
    assertEquals(3, next());
  }

  @Test
  void afterCancelNothingIsReadAndTheDescriptorIsStillOpen() throws Exception {
    EpollPort.Registration registration =
        EpollPort.register(loop, port().fd(), receiver(), seen::add, PATIENCE);
    registration.cancel().get(10, TimeUnit.SECONDS);
    registration.cancel().get(10, TimeUnit.SECONDS);
    send(1);
    loop.submit(() -> {}).sync();
    assertNull(seen.poll());
    ReceiveBatch batch = new ReceiveBatch(1, arena);
    assertEquals(1, port().receive(batch));
  }

  @Test
  void aLoopThatEndsLetsGoOfTheDescriptorAndLeavesItOpen() throws Exception {
    EpollPort.Registration registration =
        EpollPort.register(loop, port().fd(), receiver(), seen::add, PATIENCE);
    group.shutdownGracefully(0, 10, TimeUnit.SECONDS).sync();
    registration.cancel().get(10, TimeUnit.SECONDS);
    send(7);
    assertEquals(1, port().receive(new ReceiveBatch(1, arena)));
  }

  @Test
  void aLoopThatHangsIsNotWaitedForAndNeverWatchesTheDescriptorLater() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    loop.execute(() -> awaitUninterruptibly(release));
    IllegalStateException refusal =
        assertThrows(
            IllegalStateException.class,
            () ->
                EpollPort.register(
                    loop, port().fd(), receiver(), seen::add, Duration.ofMillis(100)));
    assertEquals("a lane does not answer", refusal.getMessage());
    release.countDown();
    send(1);
    loop.submit(() -> {}).sync();
    loop.submit(() -> {}).sync();
    assertNull(seen.poll());
    EpollPort.register(loop, port().fd(), receiver(), seen::add, PATIENCE);
    assertEquals(1, next());
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
