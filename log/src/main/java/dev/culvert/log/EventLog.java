// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * The log of a class. Each line belongs to a {@link LogEvent}; an argument that is a {@link Field}
 * reads in the message as any other, and is a field of its own in JSON. A field beyond the places
 * of the format is in JSON only.
 *
 * <p>Lines that packets, peers or kernel messages can cause are written through {@link #per}, which
 * bounds their number. Thread-safe.
 */
public final class EventLog {
  /** The name of the field that holds {@link LogEvent#id}. */
  public static final String EVENT = "event";

  /** The name of the field that holds how many lines were left out before this one. */
  public static final String SUPPRESSED = "suppressed";

  private final Logger log;
  private final LineLimit limit;

  EventLog(Logger log, LineLimit limit) {
    this.log = log;
    this.limit = limit;
  }

  /** The log of a class. */
  public static EventLog of(Class<?> owner) {
    return new EventLog(LoggerFactory.getLogger(owner), LineLimit.ofProcess());
  }

  /**
   * Logs at level DEBUG.
   *
   * @param format with {@code {}} for each argument
   */
  public void debug(LogEvent event, String format, @Nullable Object... arguments) {
    write(Level.DEBUG, event, null, format, arguments);
  }

  /** As {@link #debug(LogEvent, String, Object...)}, at level INFO. */
  public void info(LogEvent event, String format, @Nullable Object... arguments) {
    write(Level.INFO, event, null, format, arguments);
  }

  /** As {@link #debug(LogEvent, String, Object...)}, at level WARN. */
  public void warn(LogEvent event, String format, @Nullable Object... arguments) {
    write(Level.WARN, event, null, format, arguments);
  }

  /** As {@link #debug(LogEvent, String, Object...)}, at level ERROR. */
  public void error(LogEvent event, String format, @Nullable Object... arguments) {
    write(Level.ERROR, event, null, format, arguments);
  }

  /** As {@link #error}, with the stack trace of {@code cause}. */
  public void failure(
      LogEvent event, Throwable cause, String format, @Nullable Object... arguments) {
    write(Level.ERROR, event, cause, format, arguments);
  }

  /**
   * This log with a bound: per event and subject a few lines at once and then one per minute. A
   * line says how many lines before it were left out.
   *
   * @param subject that causes the events: a peer, an address, a file; its text identifies it
   */
  public Limited per(Object subject) {
    return new Limited(subject);
  }

  /** A log whose lines about one subject are limited. */
  public final class Limited {
    private final Object subject;

    private Limited(Object subject) {
      this.subject = subject;
    }

    /** Logs at level DEBUG if the limit allows. */
    public void debug(LogEvent event, String format, @Nullable Object... arguments) {
      writeLimited(Level.DEBUG, event, null, format, arguments);
    }

    /** Logs at level INFO if the limit allows. */
    public void info(LogEvent event, String format, @Nullable Object... arguments) {
      writeLimited(Level.INFO, event, null, format, arguments);
    }

    /** Logs at level WARN if the limit allows. */
    public void warn(LogEvent event, String format, @Nullable Object... arguments) {
      writeLimited(Level.WARN, event, null, format, arguments);
    }

    /** Logs at level ERROR if the limit allows. */
    public void error(LogEvent event, String format, @Nullable Object... arguments) {
      writeLimited(Level.ERROR, event, null, format, arguments);
    }

    /**
     * As {@link #error}, with the stack trace of {@code cause}; another kind of exception has an
     * allowance of its own.
     */
    public void failure(
        LogEvent event, Throwable cause, String format, @Nullable Object... arguments) {
      writeLimited(Level.ERROR, event, cause, format, arguments);
    }

    private void writeLimited(
        Level level,
        LogEvent event,
        @Nullable Throwable cause,
        String format,
        @Nullable Object... arguments) {
      if (!log.isEnabledForLevel(level)) {
        return;
      }
      long before = limit.take(event, cause, subject.toString());
      if (before == 0) {
        write(level, event, cause, format, arguments);
      } else if (before > 0) {
        @Nullable Object[] all = Arrays.copyOf(arguments, arguments.length + 1);
        all[arguments.length] = new Field(SUPPRESSED, before);
        write(level, event, cause, format + " ({} lines like this were left out)", all);
      }
    }
  }

  private void write(
      Level level,
      LogEvent event,
      @Nullable Throwable cause,
      String format,
      @Nullable Object... arguments) {
    LoggingEventBuilder line = log.atLevel(level).addKeyValue(EVENT, event.id());
    for (Object argument : arguments) {
      if (argument instanceof Field field && field.value() != null) {
        line = line.addKeyValue(field.name(), field.value());
      }
    }
    if (cause != null) {
      line = line.setCause(cause);
    }
    line.log(format, arguments);
  }
}
