// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The control loop runs calls on its own thread, meets deadlines, survives an exception in a turn,
 * and lets no caller wait for ever.
 */
class ControlLoopTest {
  /** Long enough for any machine; only a test that fails takes it. */
  private static final int PATIENCE_SECONDS = 30;

  private final FakeEngine engine = new FakeEngine();
  private final CompletableFuture<Throwable> died = new CompletableFuture<>();
  private final ControlLoop loop =
      new ControlLoop(
          "test",
          engine,
          System::nanoTime,
          () -> 0,
          datagram -> {},
          event -> {},
          died::complete,
          Duration.ofSeconds(1));

  /** Has work when told so, and counts turns. */
  private static final class FakeEngine implements TunnelEngine {
    final Semaphore turns = new Semaphore(0);
    volatile long deadline = Long.MAX_VALUE;
    volatile boolean fails;
    volatile @Nullable Error error;

    @Override
    public void save(StateWriter out, long nowNanos) {}

    @Override
    public void restore(StateReader in, long savedAtNanos) {}

    @Override
    public void jumpAhead() {}

    @Override
    public Collection<? extends TunnelPeer> peers() {
      return List.of();
    }

    @Override
    public void greet() {}

    @Override
    public void distrustKeys(String reason) {}

    @Override
    public void advance(long nowNanos, long wallNanos) {
      if (nowNanos >= deadline) {
        deadline = Long.MAX_VALUE;
        turns.release();
      }
      Error toThrow = error;
      if (toThrow != null) {
        throw toThrow;
      }
      if (fails) {
        fails = false;
        throw new IllegalStateException("one bad turn");
      }
    }

    @Override
    public long nextDeadlineNanos() {
      return deadline;
    }

    @Override
    public boolean pollTransmit(Datagram out, long nowNanos) {
      return false;
    }

    @Override
    public @Nullable TunnelEvent pollEvent() {
      return null;
    }

    @Override
    public @Nullable TunnelPeer route4(int destination) {
      return null;
    }

    @Override
    public @Nullable TunnelPeer route6(long high, long low) {
      return null;
    }

    @Override
    public @Nullable TunnelPeer peer(String name) {
      return null;
    }

    @Override
    public DataPath newDataPath() {
      throw new AssertionError("the control loop moves no packets");
    }

    @Override
    public Overhead overhead() {
      throw new AssertionError("the control loop moves no packets");
    }

    @Override
    public EngineReading reading(long nowNanos) {
      throw new AssertionError("not asked here");
    }

    @Override
    public DropCounters drops() {
      return new DropCounters();
    }

    @Override
    public void close() {}
  }

  @AfterEach
  void end() {
    loop.close();
  }

  private void assertTurn() throws InterruptedException {
    assertTrue(engine.turns.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS));
  }

  @Test
  void callsRunOnTheLoopsOwnThread() throws Exception {
    loop.start();
    Thread caller = Thread.currentThread();
    assertNotEquals(caller, loop.call(Thread::currentThread));
  }

  @Test
  void workThatALaneQueuedWakesASleepingLoop() throws InterruptedException {
    loop.start();
    for (int i = 0; i < 1_000; i++) {
      engine.deadline = Long.MIN_VALUE;
      loop.wakeIfDue();
      assertTurn();
    }
  }

  @Test
  void aDeadlineIsMetWithoutAnybodysHelp() throws Exception {
    loop.start();
    loop.call(() -> engine.deadline = System.nanoTime() + Duration.ofMillis(20).toNanos());
    assertTurn();
  }

  @Test
  void aCallThatFailsFailsForItsCallerAlone() throws Exception {
    loop.start();
    ExecutionException thrown =
        assertThrows(
            ExecutionException.class,
            () ->
                loop.call(
                    () -> {
                      throw new IOException("no");
                    }));
    assertInstanceOf(IOException.class, thrown.getCause());
    assertEquals(7, loop.call(() -> 7));
  }

  @Test
  void oneBadTurnDoesNotEndTheLoop() throws Exception {
    loop.start();
    engine.fails = true;
    assertEquals(1, loop.call(() -> 1));
    assertEquals(2, loop.call(() -> 2));
  }

  @Test
  void aClosedLoopRefusesCallsInsteadOfKeepingThemWaiting() {
    loop.start();
    loop.close();
    ExecutionException thrown = assertThrows(ExecutionException.class, () -> loop.call(() -> 1));
    assertTrue(assertInstanceOf(DeviceException.class, thrown.getCause()).isClosed());
  }

  @Test
  void anErrorEndsTheLoopAndItsOwnerLearnsOfIt() throws Exception {
    loop.start();
    engine.error = new StackOverflowError("on purpose");
    ExecutionException thrown =
        assertThrows(
            ExecutionException.class,
            () -> {
              while (true) {
                loop.call(() -> 1);
              }
            });
    assertTrue(assertInstanceOf(DeviceException.class, thrown.getCause()).isClosed());
    assertSame(engine.error, died.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
  }

  @Test
  void aCallDoesNotWaitForEverForATurnThatDoesNotEnd() throws Exception {
    loop.start();
    CountDownLatch stuck = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(1);
    Thread first =
        Thread.ofVirtual()
            .start(
                () ->
                    assertThrows(
                        ExecutionException.class,
                        () ->
                            loop.call(
                                () -> {
                                  begun.countDown();
                                  stuck.await();
                                  return 1;
                                })));
    begun.await();
    AtomicBoolean ran = new AtomicBoolean();
    ExecutionException thrown =
        assertThrows(
            ExecutionException.class,
            () ->
                loop.call(
                    () -> {
                      ran.set(true);
                      return 2;
                    }));
    assertTrue(String.valueOf(thrown.getMessage()).contains("nothing was changed"));
    loop.close();
    assertFalse(loop.hasEnded());
    stuck.countDown();
    first.join();
    assertFalse(ran.get(), "a call that was given up must not run later");
  }
}
