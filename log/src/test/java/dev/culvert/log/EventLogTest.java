// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import static java.util.stream.Collectors.toMap;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A line has its event and typed fields beside its text. Of an event and subject, a few lines are
 * written at once and then one per minute, an event has a bound in sum, and a line says how many
 * before it were left out.
 */
class EventLogTest {
  private static final String MOVED = "{} moved to {}";

  private final LoggerContext context = new LoggerContext();
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private long now;
  private LineLimit limit;
  private EventLog log;

  @BeforeEach
  void listen() {
    Logger logger = context.getLogger("limited");
    logger.setLevel(Level.INFO);
    logger.addAppender(lines);
    lines.start();
    limit = new LineLimit(() -> now);
    log = new EventLog(logger, limit);
  }

  private void moved(String peer, Object to) {
    log.per(peer).info(LogEvent.PEER_MOVED, MOVED, Field.peer(peer), to);
  }

  private static Map<String, Object> fields(ILoggingEvent line) {
    return line.getKeyValuePairs().stream().collect(toMap(pair -> pair.key, pair -> pair.value));
  }

  @Test
  void aFieldReadsAsItsValueAndIsTyped() {
    log.warn(
        LogEvent.ROTATION_STEP,
        "{}: {} of {}",
        Field.tunnel("culvert0"),
        Field.epoch(3),
        "plain",
        Field.spi(0xab));
    ILoggingEvent line = lines.list.getFirst();
    assertEquals("culvert0: 3 of plain", line.getFormattedMessage());
    assertEquals(
        Map.of("event", "rotation.step", "interface", "culvert0", "epoch", 3, "spi", "000000ab"),
        fields(line));
  }

  @Test
  void aFieldWithoutAValueIsLeftOut() {
    log.warn(LogEvent.API_FAILED, "failed: {}", Field.reason(null));
    assertEquals("failed: null", lines.list.getFirst().getFormattedMessage());
    assertEquals(Map.of("event", "api.failed"), fields(lines.list.getFirst()));
  }

  @Test
  void withoutASubjectEachLineIsWritten() {
    for (int i = 0; i < 1000; i++) {
      log.info(LogEvent.CONFIG_RELOADED, "reloaded");
    }
    assertEquals(1000, lines.list.size());
    assertEquals(0, limit.suppressed());
  }

  @Test
  void ofOneEventAndPeerFewLinesAreWrittenAtOnceAndThenOnePerMinute() {
    for (int i = 0; i < 1000; i++) {
      moved("a", i);
    }
    assertEquals(LineLimit.BURST, lines.list.size());
    for (int minute = 0; minute < 10; minute++) {
      now += LineLimit.INTERVAL.toNanos();
      for (int i = 0; i < 1000; i++) {
        moved("a", i);
      }
    }
    assertEquals(LineLimit.BURST + 10, lines.list.size());
    assertEquals(11_000 - lines.list.size(), limit.suppressed());
  }

  @Test
  void aLineSaysHowManyWereLeftOutBeforeIt() {
    for (int i = 0; i < LineLimit.BURST + 7; i++) {
      moved("a", i);
    }
    now += LineLimit.INTERVAL.toNanos();
    moved("a", "b");
    ILoggingEvent last = lines.list.getLast();
    assertEquals("a moved to b (7 lines like this were left out)", last.getFormattedMessage());
    assertEquals(7L, fields(last).get("suppressed"));
  }

  @Test
  void anotherPeerAndAnotherEventHaveAnAllowanceOfTheirOwn() {
    for (int i = 0; i < 100; i++) {
      moved("a", i);
    }
    moved("b", 1);
    log.per("a").warn(LogEvent.PEER_STALE, "{} is gone", "a");
    assertEquals(LineLimit.BURST + 2, lines.list.size());
  }

  @Test
  void aQuietPeerMayWriteABurstAgain() {
    for (int round = 1; round <= 3; round++) {
      for (int i = 0; i < 100; i++) {
        moved("a", i);
      }
      assertEquals(round * LineLimit.BURST, lines.list.size());
      now += LineLimit.BURST * LineLimit.INTERVAL.toNanos();
    }
  }

  @Test
  void aStackTraceIsWrittenAndAnotherKindOfFailureIsNotHiddenByIt() {
    for (int i = 0; i < 100; i++) {
      log.per("a").failure(LogEvent.PACKETS_LOST, new IllegalStateException("forged"), "lost");
    }
    log.per("a").failure(LogEvent.PACKETS_LOST, new IllegalArgumentException("other"), "lost");
    assertEquals(LineLimit.BURST + 1, lines.list.size());
    assertEquals("forged", lines.list.getFirst().getThrowableProxy().getMessage());
    assertEquals("other", lines.list.getLast().getThrowableProxy().getMessage());
  }

  /** Many exceptions have no message. */
  @Test
  void anArgumentMayBeNull() {
    log.per("a").info(LogEvent.API_FAILED, "{} failed: {}", "a", null);
    log.failure(LogEvent.API_FAILED, new IllegalStateException(), "{} failed: {}", "a", null);
    assertEquals("a failed: null", lines.list.getFirst().getFormattedMessage());
    assertEquals("a failed: null", lines.list.getLast().getFormattedMessage());
  }

  @Test
  void whoeverInventsPeersGetsFewLinesPerSecondAndTakesNoMemory() {
    int seconds = 60;
    for (int i = 0; i < 100_000; i++) {
      now = i * (seconds * 1_000_000_000L / 100_000);
      log.per("peer " + i).info(LogEvent.HANDSHAKE_REFUSED, "{} was refused", i);
    }
    long most = LineLimit.EVENT_BURST + seconds * 1000L / LineLimit.EVENT_INTERVAL.toMillis();
    assertTrue(lines.list.size() <= most, lines.list.size() + " lines, " + most + " at most");
    assertEquals(100_000 - lines.list.size(), limit.suppressed());
    assertTrue(limit.keys() <= LineLimit.MOST_KEYS + LogEvent.values().length, "keys");
    // The flood takes no line of another event.
    moved("a", "b");
    assertEquals("a moved to b", lines.list.getLast().getFormattedMessage());
  }

  /** As if hundreds of peers were lost at once. */
  @Test
  void theNextLineOfAnEventTellsHowManyOfOtherSubjectsWereLeftOut() {
    for (int i = 0; i < 300; i++) {
      moved("peer " + i, i);
    }
    assertEquals(LineLimit.EVENT_BURST, lines.list.size());
    now += LineLimit.EVENT_INTERVAL.toNanos();
    moved("another", 1);
    assertEquals(280L, fields(lines.list.getLast()).get("suppressed"));
  }

  @Test
  void aSubjectThatMayWriteInFullAgainMakesRoom() {
    for (int i = 0; i <= LineLimit.MOST_KEYS; i++) {
      moved("peer " + i, i);
    }
    now += LineLimit.BURST * LineLimit.INTERVAL.toNanos();
    int before = lines.list.size();
    for (int i = 0; i < 100; i++) {
      moved("a real peer", i);
    }
    assertEquals(before + LineLimit.BURST, lines.list.size());
  }
}
