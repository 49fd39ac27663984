// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.runtime.VitalThread;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The thread that owns the engine's control side: timers, Diffie-Hellman, configuration. Lanes
 * never wait for it. It sleeps until the engine's next deadline, a task, or earlier work from a
 * lane.
 */
final class ControlLoop implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(ControlLoop.class);

  /** Sends an engine's datagram; must not throw if the kernel refuses it. */
  interface Transmitter {
    void transmit(Datagram datagram);
  }

  private final TunnelEngine engine;
  private final LongSupplier nanoClock;
  private final LongSupplier wallClock;
  private final Transmitter transmitter;
  private final Consumer<TunnelEvent> events;
  private final Queue<Task<?>> tasks = new ConcurrentLinkedQueue<>();
  private final Duration patience;
  private final Thread thread;

  /**
   * The time at which the thread will wake, in nanoseconds; {@code Long.MIN_VALUE} while it is
   * awake and will check again by itself.
   */
  private volatile long plannedWakeNanos = Long.MIN_VALUE;

  private volatile boolean closed;
  private volatile boolean ended;

  /** Whether the engine's timers and datagrams rest. */
  private volatile boolean quiet;

  /**
   * @param died called if the thread ends although this was not closed
   * @param patience the longest wait, see {@link VitalThread#PATIENCE}
   */
  ControlLoop(
      String name,
      TunnelEngine engine,
      LongSupplier nanoClock,
      LongSupplier wallClock,
      Transmitter transmitter,
      Consumer<TunnelEvent> events,
      Consumer<? super Throwable> died,
      Duration patience) {
    this.engine = engine;
    this.nanoClock = nanoClock;
    this.wallClock = wallClock;
    this.transmitter = transmitter;
    this.events = events;
    this.patience = patience;
    this.thread = VitalThread.unstarted(name, this::run, died);
  }

  void start() {
    thread.start();
  }

  /**
   * Lets timers and datagrams of the engine rest, or not any more. Tasks run in any case. A turn
   * that has begun is finished, unless this is called by a task.
   */
  void quiet(boolean rest) {
    quiet = rest;
    LockSupport.unpark(thread);
  }

  /**
   * Wakes the thread if the engine has work earlier than planned. Lanes call it after each batch;
   * it usually costs two reads.
   */
  void wakeIfDue() {
    if (engine.nextDeadlineNanos() < plannedWakeNanos) {
      LockSupport.unpark(thread);
    }
  }

  /**
   * Like {@link #call}, for those who ask on behalf of a device's user.
   *
   * @throws DeviceException with the exception of the work, or if the loop has ended
   */
  <T> T ask(Callable<T> work) throws DeviceException {
    try {
      return call(work);
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      if (cause instanceof DeviceException device) {
        throw device;
      }
      int errno = cause instanceof ErrnoException known ? known.errno() : Errno.EINVAL;
      throw new DeviceException(String.valueOf(cause.getMessage()), errno, cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DeviceException("interrupted", Errno.EINTR, e);
    }
  }

  /**
   * Runs {@code work} on the control thread and waits for it, for a limited time.
   *
   * @throws ExecutionException with the exception of the work, a {@link DeviceException} if the
   *     loop has ended, or an IllegalStateException if it does not respond in time
   */
  <T> T call(Callable<T> work) throws ExecutionException, InterruptedException {
    Task<T> task = new Task<>(work, new CompletableFuture<>());
    tasks.add(task);
    LockSupport.unpark(thread);
    if (ended) {
      refuseTasks();
    }
    try {
      return task.result.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      boolean begun = !tasks.remove(task);
      String outcome = begun ? "it was begun and may still take effect" : "nothing was changed";
      throw new ExecutionException(
          new IllegalStateException(
              thread.getName()
                  + " did not answer within "
                  + patience.toSeconds()
                  + " s; "
                  + outcome,
              e));
    }
  }

  /** Queues {@code work} for the control thread without waiting; lanes may call it. */
  void later(Runnable work) {
    CompletableFuture<Boolean> result = new CompletableFuture<>();
    result.exceptionally(
        failure -> {
          LOG.per(thread.getName())
              .failure(LogEvent.CONTROL_FAILED, failure, "work of {} failed", thread.getName());
          return false;
        });
    tasks.add(
        new Task<>(
            () -> {
              work.run();
              return true;
            },
            result));
    LockSupport.unpark(thread);
  }

  /** One call from another thread. */
  private record Task<T>(Callable<T> work, CompletableFuture<T> result) {
    void run() {
      try {
        result.complete(work.call());
      } catch (Throwable failure) {
        result.completeExceptionally(failure);
      }
    }
  }

  private void refuseTasks() {
    for (Task<?> task = tasks.poll(); task != null; task = tasks.poll()) {
      task.result.completeExceptionally(DeviceException.closed());
    }
  }

  private void run() {
    try (Arena arena = Arena.ofConfined()) {
      Datagram datagram = new Datagram(arena);
      while (!closed) {
        try {
          turn(datagram);
        } catch (RuntimeException e) {
          // One failed turn must not end handshakes for every peer.
          LOG.per(thread.getName())
              .failure(LogEvent.CONTROL_FAILED, e, "a turn of {} failed", thread.getName());
          LockSupport.parkNanos(100_000_000);
        }
        sleep();
      }
    } finally {
      ended = true;
      refuseTasks();
    }
  }

  private void turn(Datagram datagram) {
    for (Task<?> task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    if (quiet) {
      return;
    }
    long now = nanoClock.getAsLong();
    engine.advance(now, wallClock.getAsLong());
    // Sources are checked first, so that an answer has the source to which its question came.
    tellEvents();
    while (engine.pollTransmit(datagram, now)) {
      transmitter.transmit(datagram);
    }
    tellEvents();
  }

  private void tellEvents() {
    for (TunnelEvent event = engine.pollEvent(); event != null; event = engine.pollEvent()) {
      events.accept(event);
    }
  }

  private void sleep() {
    long deadline = deadline();
    plannedWakeNanos = deadline;
    // Between the two reads a lane may have queued work and seen the old plan, so check again
    // before parking.
    boolean due = deadline() < deadline || !tasks.isEmpty() || closed;
    if (!due) {
      if (deadline == Long.MAX_VALUE) {
        LockSupport.park(this);
      } else if (deadline != Long.MIN_VALUE) {
        LockSupport.parkNanos(this, deadline - nanoClock.getAsLong());
      }
    }
    plannedWakeNanos = Long.MIN_VALUE;
  }

  private long deadline() {
    return quiet ? Long.MAX_VALUE : engine.nextDeadlineNanos();
  }

  /** Ends the thread after its turn. */
  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
    if (Thread.currentThread() != thread) {
      VitalThread.join(thread, patience);
    }
  }

  /** Whether this no longer uses the engine. */
  boolean hasEnded() {
    return !thread.isAlive() || Thread.currentThread() == thread;
  }
}
