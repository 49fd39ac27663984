// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.runtime;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * A log with a bound, for events that packets, peers or kernel messages can cause: per event and
 * peer a few lines at once and then one per minute. A line says how many lines before it were left
 * out. The line's format identifies the event: two calls with one format share one allowance per
 * peer.
 *
 * <p>Peers beyond {@link #MOST_KEYS} share the allowance of one peer, so that an attacker who
 * invents peers cannot fill the log. Thread-safe.
 */
public final class LimitedLog {
  /** Lines that may be written at once. */
  static final int BURST = 5;

  /** After a burst, one line per this time. */
  static final Duration INTERVAL = Duration.ofMinutes(1);

  /** The most pairs of event and peer that have an allowance of their own. */
  static final int MOST_KEYS = 1024;

  private static final String OTHERS = "";

  private final Logger log;
  private final LongSupplier nanoClock;

  /** Guarded by itself; the least recently used comes first. */
  private final Map<Key, Allowance> allowances = new LinkedHashMap<>(16, 0.75f, true);

  private record Key(String event, String peer) {}

  /** The lines that may still be written for one event and peer. */
  private static final class Allowance {
    private long emptyAt;
    private long leftOut;

    Allowance(long nowNanos) {
      emptyAt = nowNanos;
    }

    /** Whether a full burst may be written again. */
    boolean isWhole(long nowNanos) {
      return emptyAt - nowNanos <= 0;
    }

    /**
     * Asks for one line.
     *
     * @return how many lines were left out before it; negative if this one is left out too
     */
    long take(long nowNanos) {
      long interval = INTERVAL.toNanos();
      long from = isWhole(nowNanos) ? nowNanos : emptyAt;
      if (from + interval - nowNanos > BURST * interval) {
        leftOut++;
        return -1;
      }
      emptyAt = from + interval;
      long before = leftOut;
      leftOut = 0;
      return before;
    }
  }

  LimitedLog(Logger log, LongSupplier nanoClock) {
    this.log = log;
    this.nanoClock = nanoClock;
  }

  /** The log of a class. */
  public static LimitedLog of(Class<?> owner) {
    return new LimitedLog(LoggerFactory.getLogger(owner), System::nanoTime);
  }

  /**
   * Logs at level INFO if the limit allows.
   *
   * @param peer the peer that caused the event; the limit is per peer and format
   */
  public void info(Object peer, String format, @Nullable Object... arguments) {
    write(Level.INFO, peer, null, format, arguments);
  }

  /** As {@link #info}. */
  public void debug(Object peer, String format, @Nullable Object... arguments) {
    write(Level.DEBUG, peer, null, format, arguments);
  }

  /** As {@link #info}. */
  public void warn(Object peer, String format, @Nullable Object... arguments) {
    write(Level.WARN, peer, null, format, arguments);
  }

  /** As {@link #info}. */
  public void error(Object peer, String format, @Nullable Object... arguments) {
    write(Level.ERROR, peer, null, format, arguments);
  }

  /**
   * As {@link #error}, with the stack trace of {@code cause}; another kind of exception is another
   * event.
   */
  public void failure(Object peer, Throwable cause, String format, @Nullable Object... arguments) {
    write(Level.ERROR, peer, cause, format, arguments);
  }

  private void write(
      Level level,
      Object peer,
      @Nullable Throwable cause,
      String format,
      @Nullable Object... arguments) {
    if (!log.isEnabledForLevel(level)) {
      return;
    }
    String event = cause == null ? format : format + cause.getClass().getName();
    long before = take(event, peer.toString());
    if (before < 0) {
      return;
    }
    LoggingEventBuilder line = log.atLevel(level);
    List<@Nullable Object> all = new ArrayList<>(Arrays.asList(arguments));
    if (before > 0) {
      all.add(before);
    }
    if (cause != null) {
      line = line.setCause(cause);
    }
    line.log(before == 0 ? format : format + " ({} lines like this were left out)", all.toArray());
  }

  private long take(String event, String peer) {
    long now = nanoClock.getAsLong();
    synchronized (allowances) {
      Key key = new Key(event, peer);
      if (!allowances.containsKey(key) && allowances.size() >= MOST_KEYS) {
        key = makeRoom(now) ? key : new Key(event, OTHERS);
      }
      return allowances.computeIfAbsent(key, k -> new Allowance(now)).take(now);
    }
  }

  /**
   * Drops an allowance that is whole again, to make room. Only those can be dropped: else a peer
   * would get a new burst.
   */
  private boolean makeRoom(long nowNanos) {
    Map.Entry<Key, Allowance> oldest = allowances.entrySet().iterator().next();
    boolean whole = oldest.getValue().isWhole(nowNanos);
    if (whole) {
      allowances.remove(oldest.getKey());
    }
    return whole;
  }
}
