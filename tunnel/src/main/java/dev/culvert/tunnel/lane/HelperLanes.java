// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.runtime.VitalThread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Threads that seal and open whole trains for busy lanes: a flow stays on one lane, but its
 * ciphering may use several processors. They serve all lanes, and sleep while none offers a train.
 */
public final class HelperLanes implements AutoCloseable {
  /**
   * Attempts to find a train before a helper sleeps: tens of microseconds, about the time between
   * two batches.
   */
  private static final int SPINS = 1000;

  /** The sleep in nanoseconds after which a helper forgets its keys. */
  private static final long IDLE_NANOS = 10_000_000_000L;

  private final List<TrainRing> rings = new ArrayList<>();
  private final Helper[] helpers;
  private final Duration patience;
  private boolean started;
  private volatile boolean closed;

  /**
   * @param count threads, 0 for none
   * @param newPath makes a data path for each thread
   * @param died called if a thread ends although this was not closed
   */
  public HelperLanes(
      String name, int count, Supplier<DataPath> newPath, Consumer<? super Throwable> died) {
    this(name, count, newPath, died, VitalThread.PATIENCE);
  }

  /**
   * @param patience the longest wait for all threads to end
   */
  HelperLanes(
      String name,
      int count,
      Supplier<DataPath> newPath,
      Consumer<? super Throwable> died,
      Duration patience) {
    this.patience = patience;
    helpers = new Helper[count];
    for (int i = 0; i < count; i++) {
      helpers[i] = new Helper(name + "-helper-" + i, newPath.get(), died);
    }
  }

  /** A ring for one more lane; only before {@link #start}. */
  public TrainRing newRing(DataPath ofLane) {
    if (started) {
      throw new IllegalStateException("the helpers run already");
    }
    TrainRing ring = new TrainRing(this, ofLane);
    rings.add(ring);
    return ring;
  }

  public void start() {
    started = true;
    for (Helper helper : helpers) {
      helper.thread.start();
    }
  }

  public int count() {
    return helpers.length;
  }

  /** The threads' data paths, for their drop counters. */
  public List<DataPath> dataPaths() {
    List<DataPath> paths = new ArrayList<>();
    for (Helper helper : helpers) {
      paths.add(helper.path);
    }
    return paths;
  }

  /** The threads, for tests. */
  List<Thread> threads() {
    return Arrays.stream(helpers).map(helper -> helper.thread).toList();
  }

  /** Wakes a sleeping helper, if there is one. */
  void wakeOne() {
    for (Helper helper : helpers) {
      if (helper.asleep.get() && helper.asleep.compareAndSet(true, false)) {
        LockSupport.unpark(helper.thread);
        return;
      }
    }
  }

  private final class Helper {
    private final DataPath path;
    private final Thread thread;
    private final AtomicBoolean asleep = new AtomicBoolean();

    Helper(String name, DataPath path, Consumer<? super Throwable> died) {
      this.path = path;
      thread = VitalThread.unstarted(name, this::run, died);
    }

    private void run() {
      int spins = 0;
      while (!closed) {
        if (runOne()) {
          spins = 0;
        } else if (spins++ < SPINS) {
          Thread.onSpinWait();
        } else {
          sleep();
          spins = 0;
        }
      }
    }

    private boolean runOne() {
      boolean any = false;
      for (int i = 0; i < rings.size(); i++) {
        any |= rings.get(i).runOne(path);
      }
      return any;
    }

    /**
     * Marks this helper as asleep, and then checks the rings again; a lane offers a train, and then
     * looks for sleepers. Both are volatile, so at least one of the two sees the other's write and
     * the wake-up cannot be lost.
     */
    private void sleep() {
      asleep.set(true);
      if (!closed && !isAnyWaiting()) {
        LockSupport.parkNanos(HelperLanes.this, IDLE_NANOS);
      }
      if (asleep.get() && !closed && !isAnyWaiting()) {
        path.forgetKeys();
        LockSupport.park(HelperLanes.this);
      }
      asleep.set(false);
    }

    private boolean isAnyWaiting() {
      boolean any = false;
      for (int i = 0; i < rings.size(); i++) {
        any |= rings.get(i).isWaiting();
      }
      return any;
    }
  }

  /**
   * Ends the threads, each after its current train; the lanes handle the remaining ones.
   *
   * @throws IllegalStateException if a thread does not end, which may still use keys then
   */
  @Override
  public void close() {
    closed = true;
    for (Helper helper : helpers) {
      LockSupport.unpark(helper.thread);
    }
    long end = System.nanoTime() + patience.toNanos();
    for (Helper helper : helpers) {
      VitalThread.join(helper.thread, Duration.ofNanos(end - System.nanoTime()));
    }
    if (!hasEnded()) {
      throw new IllegalStateException("a helper does not end");
    }
  }

  /** Whether no helper uses a key any more. */
  public boolean hasEnded() {
    return Arrays.stream(helpers).noneMatch(helper -> helper.thread.isAlive());
  }
}
