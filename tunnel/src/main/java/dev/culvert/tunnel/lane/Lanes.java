// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.port.EpollPort;
import dev.culvert.tunnel.port.TunPort;
import dev.culvert.tunnel.runtime.VitalThread;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** The lanes and the event loops that they run on, one each. */
public final class Lanes implements AutoCloseable {
  /** The idle time in seconds after which a lane forgets its keys; it may take twice as long. */
  private static final int IDLE_SECONDS = 10;

  private final MultiThreadIoEventLoopGroup group;
  private final List<IoEventLoop> loops = new ArrayList<>();
  private final List<Lane> lanes = new ArrayList<>();
  private final List<LanePulse> pulses = new ArrayList<>();
  private final List<EpollPort.Registration> tunRegistrations = new ArrayList<>();
  private final List<ScheduledFuture<?>> rests = new ArrayList<>();
  private final Consumer<Throwable> onFailure;
  private final Duration patience;
  private volatile boolean closing;

  /** A lane's event loop ended although the lanes were not closed. */
  public static final class LoopEndedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private LoopEndedException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** Makes the lanes; nothing moves until {@link #start}. */
  public Lanes(String name, int count, IntFunction<Lane> newLane, Consumer<Throwable> onFailure) {
    this(name, count, newLane, onFailure, VitalThread.PATIENCE);
  }

  /**
   * Makes the lanes; nothing moves until {@link #start}.
   *
   * @param patience the longest wait for a lane to run a task
   */
  public Lanes(
      String name,
      int count,
      IntFunction<Lane> newLane,
      Consumer<Throwable> onFailure,
      Duration patience) {
    this.onFailure = onFailure;
    this.patience = patience;
    group =
        new MultiThreadIoEventLoopGroup(
            count, new DefaultThreadFactory(name + "-lane", true), EpollIoHandler.newFactory());
    group.forEach(loop -> loops.add((IoEventLoop) loop));
    for (IoEventLoop loop : loops) {
      loop.terminationFuture().addListener(end -> loopEnded(name, end.cause()));
    }
    for (int i = 0; i < count; i++) {
      lanes.add(newLane.apply(i));
      pulses.add(new LanePulse(i, loops.get(i)));
    }
  }

  private void loopEnded(String name, @Nullable Throwable cause) {
    if (!closing) {
      onFailure.accept(new LoopEndedException("a lane of " + name + " has ended", cause));
    }
  }

  /** Begins to read the TUN queues, one per lane. */
  public void start(List<TunPort> queues) {
    for (int i = 0; i < lanes.size(); i++) {
      rests.add(rest(i));
    }
    resume(queues);
  }

  /**
   * Stops to read the TUN queues. When this returns, every batch is sent, and packets wait in the
   * kernel.
   *
   * @throws IllegalStateException if a lane does not respond in time
   */
  public void pause() {
    cancel(tunRegistrations);
    tunRegistrations.clear();
  }

  /** Reads the TUN queues again after {@link #pause}. */
  public void resume(List<TunPort> queues) {
    for (int i = 0; i < lanes.size(); i++) {
      tunRegistrations.add(register(i, queues.get(i).fd(), lanes.get(i)::onTun));
    }
  }

  private ScheduledFuture<?> rest(int lane) {
    return loops
        .get(lane)
        .scheduleAtFixedRate(
            () -> {
              try {
                lanes.get(lane).rest();
              } catch (Throwable e) { // A scheduled task would lose its exception.
                onFailure.accept(e);
              }
            },
            IDLE_SECONDS,
            IDLE_SECONDS,
            TimeUnit.SECONDS);
  }

  /** A lane's handler of a readable descriptor; it may find the device removed. */
  public interface Handler {
    void run() throws IOException;
  }

  /** Makes the lane's loop call {@code onReadable} while the descriptor is readable. */
  public EpollPort.Registration register(int lane, int fd, Handler onReadable) {
    return EpollPort.register(
        loops.get(lane),
        fd,
        () -> {
          try {
            onReadable.run();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        onFailure,
        patience);
  }

  /**
   * Takes descriptors off their loops, and waits until no event of theirs can come.
   *
   * @throws IllegalStateException if a lane does not respond in time
   */
  public void cancel(List<EpollPort.Registration> registrations) {
    await(registrations.stream().map(EpollPort.Registration::cancel).toList());
  }

  private void await(List<CompletableFuture<Void>> done) {
    try {
      CompletableFuture.allOf(done.toArray(CompletableFuture[]::new))
          .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
          .join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof TimeoutException) {
        throw new IllegalStateException("a lane does not answer", e);
      }
      throw e;
    }
  }

  /**
   * Runs {@code change} on every lane's own thread, and waits until all have finished. A lane whose
   * loop has ended is skipped, since it moves no packets.
   *
   * @throws IllegalStateException if one does not respond in time
   */
  public void onEach(LaneChange change) {
    List<CompletableFuture<Void>> done = new ArrayList<>();
    for (int i = 0; i < lanes.size(); i++) {
      done.add(on(i, change));
    }
    await(done);
  }

  private CompletableFuture<Void> on(int lane, LaneChange change) {
    IoEventLoop loop = loops.get(lane);
    try {
      CompletableFuture<Void> done =
          CompletableFuture.runAsync(() -> change.apply(lane, lanes.get(lane)), loop);
      // A loop that ends may silently drop a task.
      loop.terminationFuture().addListener(ended -> done.complete(null));
      return done;
    } catch (RejectedExecutionException e) {
      return CompletableFuture.completedFuture(null);
    }
  }

  /** A change to one lane, which runs on its thread. */
  public interface LaneChange {
    void apply(int index, Lane lane);
  }

  /**
   * Asks all lanes' threads for a sign of life.
   *
   * @param wait the longest wait for their answers
   */
  public List<LaneReading> read(Duration wait) {
    CompletableFuture.allOf(pulses.stream().map(LanePulse::ask).toArray(CompletableFuture[]::new))
        .completeOnTimeout(null, wait.toNanos(), TimeUnit.NANOSECONDS)
        .exceptionally(ended -> null)
        .join();
    return pulses.stream().map(LanePulse::read).toList();
  }

  public int count() {
    return lanes.size();
  }

  public List<Lane> all() {
    return lanes;
  }

  /**
   * Ends the loops, then gives the lanes' memory back. Descriptors that the lanes use have to stay
   * open until this returns.
   *
   * @throws IllegalStateException if a lane does not end; its memory is not released then
   */
  @Override
  public void close() {
    closing = true;
    // Not waited for: the end of the loops is awaited instead, after which no event can come.
    for (EpollPort.Registration registration : tunRegistrations) {
      var _ = registration.cancel();
    }
    rests.forEach(rest -> rest.cancel(false));
    boolean ended =
        group
            .shutdownGracefully(0, 2, TimeUnit.SECONDS)
            .awaitUninterruptibly(patience.toMillis(), TimeUnit.MILLISECONDS);
    if (!ended) {
      throw new IllegalStateException("a lane does not end");
    }
    lanes.forEach(Lane::close);
  }

  /** Whether no lane uses a descriptor or a key any more. */
  public boolean hasEnded() {
    return group.isTerminated();
  }
}
