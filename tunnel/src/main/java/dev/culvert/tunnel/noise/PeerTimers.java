// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static java.util.concurrent.TimeUnit.SECONDS;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * One peer's table of deadlines. Lanes set and cancel concurrently with the control thread, without
 * a lock: a lost update moves a deadline by a moment at most.
 */
public final class PeerTimers {
  private static final Timer[] TIMERS = Timer.values();

  private final Deadlines engine;
  private final AtomicLongArray deadlines = new AtomicLongArray(TIMERS.length);
  private volatile boolean anotherKeepalive;
  private volatile long persistentKeepalive;

  /** Random for each handshake, so that two ends do not retry in step. */
  private volatile long jitter;

  public PeerTimers(Deadlines engine) {
    this.engine = engine;
    cancelAll();
  }

  public void arm(Timer timer, long deadline) {
    deadlines.set(timer.ordinal(), deadline);
    engine.include(deadline);
  }

  public void cancel(Timer timer) {
    if (isArmed(timer)) {
      deadlines.set(timer.ordinal(), Deadlines.NEVER);
    }
  }

  public void cancelAll() {
    for (Timer timer : TIMERS) {
      deadlines.set(timer.ordinal(), Deadlines.NEVER);
    }
  }

  public boolean isArmed(Timer timer) {
    return deadlines.get(timer.ordinal()) != Deadlines.NEVER;
  }

  /** Whether {@code timer} is due; then it is disarmed. */
  public boolean expire(Timer timer, long nowNanos) {
    long deadline = deadlines.get(timer.ordinal());
    return deadline <= nowNanos
        && deadlines.compareAndSet(timer.ordinal(), deadline, Deadlines.NEVER);
  }

  /** Includes every deadline of this table in {@link Deadlines}, after {@link Deadlines#look}. */
  public void includeAll() {
    for (Timer timer : TIMERS) {
      engine.include(deadlines.get(timer.ordinal()));
    }
  }

  /** Sets the interval of persistent keepalives in nanoseconds, 0 for off. */
  public void persistentKeepalive(long interval) {
    persistentKeepalive = interval;
    if (interval == 0) {
      cancel(Timer.PERSISTENT_KEEPALIVE);
    }
  }

  public long persistentKeepalive() {
    return persistentKeepalive;
  }

  /** Sets the nanoseconds that are added to waits for the peer. */
  public void jitter(long newJitter) {
    jitter = newJitter;
  }

  /** A packet with inner data was sent. */
  public void dataSent(long nowNanos) {
    if (!isArmed(Timer.NEW_HANDSHAKE)) {
      arm(
          Timer.NEW_HANDSHAKE,
          nowNanos + Messages.KEEPALIVE_TIMEOUT + Messages.REKEY_TIMEOUT + jitter);
    }
  }

  /** A packet with inner data was received. */
  public void dataReceived(long nowNanos) {
    if (!isArmed(Timer.PASSIVE_KEEPALIVE)) {
      arm(Timer.PASSIVE_KEEPALIVE, nowNanos + Messages.KEEPALIVE_TIMEOUT);
    } else if (!anotherKeepalive) {
      anotherKeepalive = true;
    }
  }

  /** A passive keepalive is sent: more data came while it was due, so another will follow. */
  public void passiveKeepaliveSent(long nowNanos) {
    if (anotherKeepalive) {
      anotherKeepalive = false;
      arm(Timer.PASSIVE_KEEPALIVE, nowNanos + Messages.KEEPALIVE_TIMEOUT);
    }
  }

  /** A packet that authenticates this end was sent: data, keepalive or handshake. */
  public void authenticatedSent(long nowNanos) {
    cancel(Timer.PASSIVE_KEEPALIVE);
    traversed(nowNanos);
  }

  /** A packet that authenticates the peer was received: data, keepalive or handshake. */
  public void authenticatedReceived(long nowNanos) {
    cancel(Timer.NEW_HANDSHAKE);
    traversed(nowNanos);
  }

  void initiationSent(long nowNanos) {
    arm(Timer.RETRANSMIT_HANDSHAKE, nowNanos + Messages.REKEY_TIMEOUT + jitter);
  }

  void sessionDerived(long nowNanos) {
    arm(Timer.ZERO_KEYS, nowNanos + Messages.ZERO_KEYS_AFTER_TIME);
  }

  /** Writes the deadlines that are armed, and the intervals. */
  public void save(StateWriter out, long nowNanos) {
    List<Timer> armed = Arrays.stream(TIMERS).filter(this::isArmed).toList();
    out.list(armed, timer -> out.text(timer.name()).time(deadlines.get(timer.ordinal()), nowNanos))
        .flag(anotherKeepalive)
        .int64(persistentKeepalive)
        .int64(jitter);
  }

  /** Reads into new timers. Those that this version does not know are left out. */
  public void restore(StateReader in, long savedAtNanos) throws StateException {
    in.list(
        () -> {
          String name = in.text();
          long deadline = in.time(savedAtNanos);
          for (Timer timer : TIMERS) {
            if (timer.name().equals(name)) {
              arm(timer, deadline);
            }
          }
          return deadline;
        });
    anotherKeepalive = in.flag();
    persistentKeepalive = in.int64();
    jitter = in.int64();
    if (persistentKeepalive < 0
        || persistentKeepalive % SECONDS.toNanos(1) != 0
        || persistentKeepalive > Messages.MAX_KEEPALIVE
        || jitter < 0
        || jitter > Messages.REKEY_TIMEOUT) {
      throw new StateException("no interval of keepalives, or no jitter");
    }
  }

  /** Takes over the deadlines and intervals of others, which were read. */
  public void adopt(PeerTimers read) {
    for (Timer timer : TIMERS) {
      arm(timer, read.deadlines.get(timer.ordinal()));
    }
    anotherKeepalive = read.anotherKeepalive;
    persistentKeepalive = read.persistentKeepalive;
    jitter = read.jitter;
  }

  private void traversed(long nowNanos) {
    long interval = persistentKeepalive;
    if (interval != 0) {
      arm(Timer.PERSISTENT_KEEPALIVE, nowNanos + interval);
    }
  }
}
