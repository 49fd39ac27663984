// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.log.LineLimit;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A library cannot fill the log. */
class LibraryLimitTest {
  private final LoggerContext context = new LoggerContext();
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private long nanos;
  private final LineLimit limit = new LineLimit(() -> nanos);

  @BeforeEach
  void listen() {
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.WARN);
    root.addAppender(lines);
    lines.start();
    context.addTurboFilter(new LibraryLimit("dev.culvert", limit));
  }

  @Test
  void aLibraryThatRepeatsItselfIsHeardNowAndThen() {
    Logger library = context.getLogger("org.example.Server");
    for (int i = 0; i < 100; i++) {
      library.error("a reader broke off", new IllegalStateException("forged"));
    }
    assertEquals(5, lines.list.size());
    assertEquals(95, limit.suppressed());
    nanos += Duration.ofMinutes(1).toNanos();
    library.error("a reader broke off", new IllegalStateException("forged"));
    assertEquals(6, lines.list.size());
  }

  @Test
  void questionsAndLinesBelowTheLevelUseNothingUp() {
    Logger library = context.getLogger("org.example.Server");
    for (int i = 0; i < 100; i++) {
      assertEquals(true, library.isErrorEnabled());
      library.debug("nobody asked for it");
    }
    library.warn("heard");
    assertEquals(1, lines.list.size());
    assertEquals(0, limit.suppressed());
  }

  @Test
  void ourOwnLinesHaveTheirOwnLimits() {
    Logger own = context.getLogger("dev.culvert.Some");
    for (int i = 0; i < 100; i++) {
      own.error("told by an administrator");
    }
    assertEquals(100, lines.list.size());
  }
}
