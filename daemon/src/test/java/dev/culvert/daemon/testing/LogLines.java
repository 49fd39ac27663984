// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/** The log lines of some classes while this is open. */
public final class LogLines implements AutoCloseable {
  private final Map<Logger, Optional<Level>> before = new HashMap<>();
  private final List<String> lines = new CopyOnWriteArrayList<>();
  private final AppenderBase<ILoggingEvent> appender =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          lines.add(event.getLevel() + " " + event.getFormattedMessage());
        }
      };

  private LogLines(List<Class<?>> types) {
    appender.start();
    for (Class<?> type : types) {
      Logger logger = (Logger) LoggerFactory.getLogger(type);
      before.put(logger, Optional.ofNullable(logger.getLevel()));
      logger.setLevel(Level.INFO);
      logger.addAppender(appender);
    }
  }

  public static LogLines of(Class<?>... types) {
    return new LogLines(List.of(types));
  }

  /** All of it, a line each. */
  public String text() {
    return String.join("\n", lines);
  }

  @Override
  public void close() {
    before.forEach(
        (logger, level) -> {
          logger.detachAppender(appender);
          logger.setLevel(level.orElse(null));
        });
  }
}
