// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The trains of one lane that helpers may take: the lane offers them, a free helper claims one and
 * seals or opens it, and the lane takes them back in the order in which it offered them.
 *
 * <p>Only {@link #runOne} and {@link #isWaiting} may be called by helpers; the rest belongs to the
 * lane. A claim (by {@link #claimed}) hands a train and its memory to one helper, and {@link
 * Job#done} hands them back; no other thread touches them meanwhile. The lane takes part: it runs
 * unclaimed jobs itself and waits only for jobs that a helper has begun. Each batch ends with an
 * empty ring, so nothing is left in it while the lane sleeps.
 */
public final class TrainRing {
  /** The number of jobs: as many as an outbound batch has trains; a power of two. */
  static final int SLOTS = OutboundTrains.COUNT;

  /** Checks before the lane yields its processor: about the time of one train. */
  private static final int SPINS = 500;

  private final HelperLanes helpers;
  private final DataPath own;
  private final Job[] jobs = new Job[SLOTS];

  /** Jobs offered since the start; job {@code n} is in slot {@code n % SLOTS}. */
  private final AtomicLong offered = new AtomicLong();

  /** Jobs that were begun. */
  private final AtomicLong claimed = new AtomicLong();

  /** Jobs that the lane has taken back. */
  private long taken;

  private volatile @Nullable Thread waiter;

  /** A ring for a lane whose own data path is {@code own}. */
  TrainRing(HelperLanes helpers, DataPath own) {
    this.helpers = helpers;
    this.own = own;
    for (int i = 0; i < SLOTS; i++) {
      jobs[i] = new Job();
    }
  }

  /** One train to seal or to open, with its result. */
  public static final class Job {
    private final Train received = new Train();
    private Train train = received;
    private @Nullable TunnelPeer peer;
    private @Nullable DatagramSource from;
    private long now;
    private int deliverable;
    private @Nullable Throwable failure;
    private volatile boolean done;

    /**
     * Runs the job. If that throws, only this train is lost; the other trains and the thread go on.
     */
    private void run(DataPath path) {
      try {
        DatagramSource sender = from;
        if (sender == null) {
          path.encipher(train);
        } else {
          deliverable = path.open(train, sender, now);
        }
        failure = null;
      } catch (Throwable thrown) {
        // Recorded here and logged by the lane, since logging may throw too.
        failure = thrown;
      } finally {
        done = true;
      }
    }

    public Train train() {
      return train;
    }

    /** The peer for which the train is sealed. */
    public TunnelPeer peer() {
      TunnelPeer to = peer;
      if (to == null) {
        throw new IllegalStateException("a train to open");
      }
      return to;
    }

    /** The number of packets to deliver of an opened train. */
    public int deliverable() {
      return deliverable;
    }

    /** The failure for which the train must be dropped, or null. */
    public @Nullable Throwable failure() {
      return failure;
    }
  }

  /** Whether sharing pays: there are helpers, and more packets than one full train. */
  boolean pays(int packets) {
    return helpers.count() > 0 && packets > Train.MAX_PACKETS;
  }

  int helpers() {
    return helpers.count();
  }

  public boolean isEmpty() {
    return taken == offered.getPlain();
  }

  boolean isFull() {
    return offered.getPlain() - taken == SLOTS;
  }

  /** Offers a train whose counters are reserved. The ring must not be full. */
  public void offerToSeal(Train reserved, TunnelPeer to) {
    Job job = free();
    job.train = reserved;
    job.peer = to;
    job.from = null;
    offer();
  }

  /** Offers {@code count} packets of {@code datagrams}. The ring must not be full. */
  public void offerToOpen(Train datagrams, int first, int count, DatagramSource from, long now) {
    Job job = free();
    job.train = job.received.slice(datagrams, first, count);
    job.peer = null;
    job.from = from;
    job.now = now;
    offer();
  }

  private Job free() {
    if (isFull()) {
      throw new IllegalStateException("no slot is free");
    }
    Job job = jobs[slot(offered.getPlain())];
    job.done = false;
    return job;
  }

  private void offer() {
    long count = offered.getPlain() + 1;
    offered.set(count);
    // The lane itself takes one.
    if (count - claimed.get() > 1) {
      helpers.wakeOne();
    }
  }

  private static int slot(long job) {
    return (int) job & (SLOTS - 1);
  }

  /** Whether {@link #take} would return without waiting. */
  boolean isReady() {
    return jobs[slot(taken)].done;
  }

  /** Waits for the oldest job and returns it; it is valid until the next offer. */
  public Job take() {
    Job oldest = jobs[slot(taken)];
    for (int spins = 0; !oldest.done; ) {
      if (runOne(own)) {
        spins = 0;
      } else if (spins++ < SPINS) {
        Thread.onSpinWait();
      } else {
        awaitDone(oldest);
      }
    }
    taken++;
    return oldest;
  }

  /**
   * Parks until a helper finishes {@code job}; it may return early. This publishes the waiter and
   * then re-checks {@code done}; the helper sets {@code done} and then reads the waiter. Both are
   * volatile, so at least one of the two sees the other's write and the wake-up cannot be lost.
   */
  private void awaitDone(Job job) {
    waiter = Thread.currentThread();
    if (!job.done) {
      LockSupport.park(this);
    }
    waiter = null;
  }

  /**
   * Takes back and drops the jobs of a batch whose handling threw; returns their number of packets.
   */
  int drain() {
    int packets = 0;
    while (!isEmpty()) {
      packets += take().train().packets();
    }
    return packets;
  }

  /** Whether a job was not begun yet. */
  boolean isWaiting() {
    return claimed.get() < offered.get();
  }

  /**
   * Runs one job that was not begun; false if there is none. For any thread, on its own data path.
   */
  boolean runOne(DataPath path) {
    long next = claimed.get();
    while (next < offered.get()) {
      if (claimed.compareAndSet(next, next + 1)) {
        jobs[slot(next)].run(path);
        Thread lane = waiter;
        if (lane != null) {
          LockSupport.unpark(lane);
        }
        return true;
      }
      next = claimed.get();
    }
    return false;
  }
}
