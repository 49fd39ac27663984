// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A few lines per event and peer are written at once and then one per minute, and a line says how
 * many before it were left out.
 */
class LimitedLogTest {
  private static final String MOVED = "{} moved to {}";

  private final LoggerContext context = new LoggerContext();
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private long now;
  private LimitedLog log;

  @BeforeEach
  void listen() {
    Logger logger = context.getLogger("limited");
    logger.setLevel(Level.INFO);
    logger.addAppender(lines);
    lines.start();
    log = new LimitedLog(logger, () -> now);
  }

  @Test
  void ofOneEventAndPeerFewLinesAreWrittenAtOnceAndThenOneAMinute() {
    for (int i = 0; i < 1000; i++) {
      log.info("a", MOVED, "a", i);
    }
    assertEquals(LimitedLog.BURST, lines.list.size());
    for (int minute = 0; minute < 10; minute++) {
      now += LimitedLog.INTERVAL.toNanos();
      for (int i = 0; i < 1000; i++) {
        log.info("a", MOVED, "a", i);
      }
    }
    assertEquals(LimitedLog.BURST + 10, lines.list.size());
  }

  @Test
  void aLineSaysHowManyWereLeftOutBeforeIt() {
    for (int i = 0; i < LimitedLog.BURST + 7; i++) {
      log.info("a", MOVED, "a", i);
    }
    now += LimitedLog.INTERVAL.toNanos();
    log.info("a", MOVED, "a", "b");
    assertEquals(
        "a moved to b (7 lines like this were left out)",
        lines.list.getLast().getFormattedMessage());
  }

  @Test
  void anotherPeerAndAnotherEventHaveAnAllowanceOfTheirOwn() {
    for (int i = 0; i < 100; i++) {
      log.info("a", MOVED, "a", i);
    }
    log.info("b", MOVED, "b", 1);
    log.warn("a", "{} is gone", "a");
    assertEquals(LimitedLog.BURST + 2, lines.list.size());
  }

  @Test
  void aQuietPeerMayWriteABurstAgain() {
    for (int round = 1; round <= 3; round++) {
      for (int i = 0; i < 100; i++) {
        log.info("a", MOVED, "a", i);
      }
      assertEquals(round * LimitedLog.BURST, lines.list.size());
      now += LimitedLog.BURST * LimitedLog.INTERVAL.toNanos();
    }
  }

  @Test
  void aStackTraceIsWrittenAndAnotherKindOfFailureIsNotHiddenByIt() {
    for (int i = 0; i < 100; i++) {
      log.failure("a", new IllegalStateException("forged"), "a batch was lost");
    }
    log.failure("a", new IllegalArgumentException("other"), "a batch was lost");
    assertEquals(LimitedLog.BURST + 1, lines.list.size());
    assertEquals("forged", lines.list.getFirst().getThrowableProxy().getMessage());
    assertEquals("other", lines.list.getLast().getThrowableProxy().getMessage());
  }

  /** Many exceptions have no message. */
  @Test
  void anArgumentMayBeNull() {
    log.info("a", "{} failed: {}", "a", null);
    log.failure("a", new IllegalStateException(), "{} failed: {}", "a", null);
    assertEquals("a failed: null", lines.list.getFirst().getFormattedMessage());
    assertEquals("a failed: null", lines.list.getLast().getFormattedMessage());
  }

  @Test
  void whoeverInventsPeersGainsNothing() {
    for (int i = 0; i < 100_000; i++) {
      log.info("peer " + i, MOVED, i, "nowhere");
    }
    assertEquals(LimitedLog.MOST_KEYS + LimitedLog.BURST, lines.list.size());
    // A key that may be written in full again makes room.
    now += LimitedLog.BURST * LimitedLog.INTERVAL.toNanos();
    log.info("a real peer", MOVED, "a real peer", "here");
    assertEquals("a real peer moved to here", lines.list.getLast().getFormattedMessage());
  }
}
