// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import dev.culvert.log.LineLimit;
import dev.culvert.log.LogEvent;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;

/**
 * Bounds the lines of libraries, each logger of theirs by itself: a reader of metrics that breaks
 * off would otherwise write a stack trace each time.
 */
public final class LibraryLimit extends TurboFilter {
  private final String ours;
  private final LineLimit limit;

  /**
   * @param ours the beginning of the names of loggers that have limits of their own
   */
  public LibraryLimit(String ours, LineLimit limit) {
    this.ours = ours;
    this.limit = limit;
  }

  @Override
  public FilterReply decide(
      @Nullable Marker marker,
      Logger logger,
      Level level,
      @Nullable String format,
      Object @Nullable [] arguments,
      @Nullable Throwable thrown) {
    boolean isQuestion = format == null && thrown == null; // whether a level is enabled
    if (isQuestion
        || !level.isGreaterOrEqual(logger.getEffectiveLevel())
        || logger.getName().startsWith(ours)) {
      return FilterReply.NEUTRAL;
    }
    return limit.take(LogEvent.LIBRARY, thrown, logger.getName()) < 0
        ? FilterReply.DENY
        : FilterReply.NEUTRAL;
  }
}
