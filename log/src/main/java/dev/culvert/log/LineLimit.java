// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The bound on lines that packets, peers or kernel messages can cause. Each pair of event and
 * subject has an allowance, and so has each event in sum, so that an attacker who invents subjects
 * cannot fill the log, and cannot use up the lines of other events. Thread-safe.
 */
public final class LineLimit {
  /** Lines of one event and subject that may be written at once. */
  static final int BURST = 5;

  /** After a burst, one line of an event and subject per this time. */
  static final Duration INTERVAL = Duration.ofMinutes(1);

  /** Lines of one event, of all subjects together, that may be written at once. */
  static final int EVENT_BURST = 20;

  /** After that burst, one line of an event per this time. */
  static final Duration EVENT_INTERVAL = Duration.ofMillis(500);

  /** The most pairs of event and subject that have an allowance of their own. */
  static final int MOST_KEYS = 4096;

  private static final LineLimit PROCESS = new LineLimit(System::nanoTime);

  private static final String OTHERS = "";

  private final LongSupplier nanoClock;
  private final AtomicLong suppressed = new AtomicLong();

  /** The least recently used comes first. Guarded by this. */
  private final Map<Key, Allowance> subjects = new LinkedHashMap<>(16, 0.75f, true);

  /** Guarded by this. */
  private final Map<LogEvent, Allowance> events = new EnumMap<>(LogEvent.class);

  /**
   * @param failure the class of the exception that is logged, since another one is other news
   */
  private record Key(LogEvent event, @Nullable Class<?> failure, String subject) {}

  /** The lines that may still be written. */
  private static final class Allowance {
    private final int burst;
    private final long interval;
    private long emptyAt;
    private long leftOut;

    Allowance(int burst, Duration interval, long nowNanos) {
      this.burst = burst;
      this.interval = interval.toNanos();
      emptyAt = nowNanos;
    }

    /** Whether a full burst may be written again. */
    boolean isWhole(long nowNanos) {
      return emptyAt - nowNanos <= 0;
    }

    /** Whether there is a line left. */
    boolean has(long nowNanos) {
      return from(nowNanos) + interval - nowNanos <= burst * interval;
    }

    /**
     * Takes one line.
     *
     * @return how many were left out since the last one
     */
    long take(long nowNanos) {
      emptyAt = from(nowNanos) + interval;
      long before = leftOut;
      leftOut = 0;
      return before;
    }

    private long from(long nowNanos) {
      return isWhole(nowNanos) ? nowNanos : emptyAt;
    }
  }

  /**
   * A limit of its own.
   *
   * @param nanoClock monotonic
   */
  public LineLimit(LongSupplier nanoClock) {
    this.nanoClock = nanoClock;
  }

  /** The limit that all logs of this process share. */
  public static LineLimit ofProcess() {
    return PROCESS;
  }

  /** Lines that were left out since the start. */
  public long suppressed() {
    return suppressed.get();
  }

  /**
   * Asks for one line.
   *
   * @param failure the exception to log, or null
   * @return how many lines of this event were left out before it, for this subject's sake or for
   *     the sum's; negative if this one is left out too
   */
  public synchronized long take(LogEvent event, @Nullable Throwable failure, String subject) {
    long now = nanoClock.getAsLong();
    Allowance own = ofSubject(new Key(event, classOf(failure), subject), now);
    Allowance all =
        events.computeIfAbsent(event, e -> new Allowance(EVENT_BURST, EVENT_INTERVAL, now));
    if (own.has(now) && all.has(now)) {
      return own.take(now) + all.take(now);
    }
    (own.has(now) ? all : own).leftOut++;
    suppressed.incrementAndGet();
    return -1;
  }

  private static @Nullable Class<?> classOf(@Nullable Throwable failure) {
    return failure == null ? null : failure.getClass();
  }

  /** The allowance of a key, or the one that all share for which there is no room. */
  private Allowance ofSubject(Key wanted, long now) {
    Key key = wanted;
    if (!subjects.containsKey(key) && subjects.size() >= MOST_KEYS && !makeRoom(now)) {
      key = new Key(wanted.event(), null, OTHERS);
    }
    return subjects.computeIfAbsent(key, k -> new Allowance(BURST, INTERVAL, now));
  }

  /**
   * Drops an allowance that is whole again, to make room. Only those can be dropped: else a subject
   * would get a new burst.
   */
  private boolean makeRoom(long nowNanos) {
    Map.Entry<Key, Allowance> oldest = subjects.entrySet().iterator().next();
    boolean whole = oldest.getValue().isWhole(nowNanos);
    if (whole) {
      subjects.remove(oldest.getKey());
      Allowance all = events.get(oldest.getKey().event());
      if (all != null) {
        all.leftOut += oldest.getValue().leftOut;
      }
    }
    return whole;
  }

  /** Keys that have an allowance now: at most {@link #MOST_KEYS} and one per event. */
  synchronized int keys() {
    return subjects.size();
  }
}
