package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The trains of one lane that helpers may take: the lane offers them, whoever is free claims one
 * and seals or opens it, and the lane takes them back in the order in which it offered them.
 *
 * <p>Everything but {@link #runOne} and {@link #isWaiting} is the lane's. A train and its memory
 * pass to whoever claims it (by {@link #claimed}) and back (by {@link Job#done}); nobody else looks
 * at them meanwhile. The lane takes part: it runs what nobody has claimed and waits only for what a
 * helper is at. Each batch ends with an empty ring, so nothing of it is left while the lane sleeps.
 */
public final class TrainRing {
  /** As many trains as one batch has outbound; a power of two. */
  static final int SLOTS = OutboundTrains.COUNT;

  /** Looks before the lane lets go of its processor: about what a train takes. */
  private static final int SPINS = 500;

  private final HelperLanes helpers;
  private final DataPath own;
  private final Job[] jobs = new Job[SLOTS];

  /** Jobs offered since the start; job {@code n} is in slot {@code n % SLOTS}. */
  private final AtomicLong offered = new AtomicLong();

  /** Jobs that somebody has begun. */
  private final AtomicLong claimed = new AtomicLong();

  /** Jobs that the lane has taken back. */
  private long taken;

  private volatile @Nullable Thread waiter;

  /** For a lane whose own way through the engine is {@code own}. */
  TrainRing(HelperLanes helpers, DataPath own) {
    this.helpers = helpers;
    this.own = own;
    for (int i = 0; i < SLOTS; i++) {
      jobs[i] = new Job();
    }
  }

  /** One train to seal or to open, and what came of it. */
  public static final class Job {
    private final Train received = new Train();
    private Train train = received;
    private @Nullable TunnelPeer peer;
    private @Nullable DatagramSource from;
    private long now;
    private int deliverable;
    private @Nullable Throwable failure;
    private volatile boolean done;

    /** One train is lost if it throws; that takes neither the others nor the thread with it. */
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
        // Noted before anything else, as the log may throw as well: the lane writes it.
        failure = thrown;
      } finally {
        done = true;
      }
    }

    public Train train() {
      return train;
    }

    /** Whom the train to seal is for. */
    public TunnelPeer peer() {
      TunnelPeer to = peer;
      if (to == null) {
        throw new IllegalStateException("a train to open");
      }
      return to;
    }

    /** Packets that are to be delivered of a train that was opened. */
    public int deliverable() {
      return deliverable;
    }

    /** Why the train must go no further, or null. */
    public @Nullable Throwable failure() {
      return failure;
    }
  }

  /** Whether sharing pays: somebody is there, and there is more to cipher than one full train. */
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
    // One is left to the lane itself.
    if (count - claimed.get() > 1) {
      helpers.wakeOne();
    }
  }

  private static int slot(long job) {
    return (int) job & (SLOTS - 1);
  }

  /** Whether {@link #take} has its job ready at once. */
  boolean isReady() {
    return jobs[slot(taken)].done;
  }

  /** The oldest job, done; it is valid until the next offer. */
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

  /** Whoever ends a job looks for a waiter afterwards, and this looks at the job again. */
  private void awaitDone(Job job) {
    waiter = Thread.currentThread();
    if (!job.done) {
      LockSupport.park(this);
    }
    waiter = null;
  }

  /** Takes back what a batch that threw has left, and forgets it; returns how many packets. */
  int drain() {
    int packets = 0;
    while (!isEmpty()) {
      packets += take().train().packets();
    }
    return packets;
  }

  /** Whether a job waits for somebody to begin. */
  boolean isWaiting() {
    return claimed.get() < offered.get();
  }

  /** Does one job that nobody has begun; false where there is none. Any thread, on its own path. */
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
