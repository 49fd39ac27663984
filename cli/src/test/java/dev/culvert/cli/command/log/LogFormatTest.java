// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.log.RecentLines;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A line of JSON is one object with typed fields; a line for the journal begins with its level. */
class LogFormatTest {
  private final LoggerContext context = new LoggerContext();
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final Logger logger = context.getLogger("dev.culvert.Some");

  @BeforeEach
  void listen() {
    logger.setLevel(Level.DEBUG);
    logger.addAppender(lines);
    lines.start();
  }

  private String encoded(LogFormat format, boolean priorities) {
    Encoder<ILoggingEvent> encoder = format.encoder(context, priorities);
    StringBuilder text = new StringBuilder();
    lines.list.forEach(line -> text.append(new String(encoder.encode(line), UTF_8)));
    return text.toString();
  }

  @Test
  void aLineOfJsonIsOneObjectWhateverItsTextIs() throws Exception {
    logger
        .atWarn()
        .addKeyValue("event", "rotation.step")
        .addKeyValue("epoch", 3)
        .addKeyValue("peer", "node \"b\"")
        .setCause(new IllegalStateException("forged"))
        .log("two\nlines, a \"quote\" and {}", "\u0007 a bell");
    String json = encoded(LogFormat.JSON, false);
    assertEquals(1, json.lines().count(), json);
    JsonNode line = new ObjectMapper().readTree(json);
    List<String> names = new ArrayList<>();
    line.fieldNames().forEachRemaining(names::add);
    assertEquals(
        List.of(
            "time", "level", "message", "logger", "thread", "event", "epoch", "peer", "exception"),
        names);
    assertEquals("two\nlines, a \"quote\" and \u0007 a bell", line.get("message").asText());
    assertTrue(line.get("epoch").isInt(), json);
    assertEquals("node \"b\"", line.get("peer").asText());
    assertTrue(line.get("exception").asText().contains("IllegalStateException: forged"), json);
    String time = line.get("time").asText();
    assertTrue(time.matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"), time);
    assertEquals(lines.list.getFirst().getTimeStamp(), Instant.parse(time).toEpochMilli());
  }

  @Test
  void aLibrarysLineHasAnEventToo() throws Exception {
    logger.warn("of a library");
    JsonNode line = new ObjectMapper().readTree(encoded(LogFormat.JSON, false));
    assertEquals("library.message", line.get("event").asText());
  }

  @Test
  void eachLineForTheJournalBeginsWithItsPriority() {
    logger.error("failed", new IllegalStateException("forged"));
    logger.warn("warned");
    logger.info("told");
    logger.debug("whispered");
    String text = encoded(LogFormat.TEXT, true);
    List<String> all = text.lines().toList();
    assertTrue(all.size() >= 5, text); // with a stack trace
    assertTrue(all.stream().allMatch(line -> line.matches("<[3467]>.*")), text);
    assertEquals(
        List.of("<4>", "<6>", "<7>"),
        all.subList(all.size() - 3, all.size()).stream()
            .map(line -> line.substring(0, 3))
            .toList());
    assertTrue(all.subList(0, all.size() - 3).stream().allMatch(l -> l.startsWith("<3>")), text);
    assertFalse(encoded(LogFormat.TEXT, false).contains("<"), text);
  }

  @Test
  void theJournalIsMeantOnlyIfStandardErrorIsItsStream(@TempDir Path folder) throws Exception {
    Path file = Files.createFile(folder.resolve("stream"));
    Path other = Files.createFile(folder.resolve("other"));
    String stream =
        Files.getAttribute(file, "unix:dev") + ":" + Files.getAttribute(file, "unix:ino");
    assertTrue(Journal.names(stream, file));
    assertFalse(Journal.names(stream, other));
    assertFalse(Journal.names(null, file));
    assertFalse(Journal.names("", file));
    assertFalse(Journal.names(stream, folder.resolve("none")));
  }

  @Test
  void aFormatThatDoesNotExistIsRefused() {
    assertEquals(LogFormat.TEXT, LogFormat.parse(""));
    assertEquals(LogFormat.JSON, LogFormat.parse("JSON"));
    String message =
        assertThrows(IllegalArgumentException.class, () -> LogFormat.parse("xml")).getMessage();
    assertEquals("LOG_FORMAT is 'xml': set it to text or json", message);
  }

  @Test
  void theNewestLinesAreKept() {
    RecentLines recent = new RecentLines();
    RecentAppender appender = new RecentAppender(LogFormat.JSON.encoder(context, false), recent);
    appender.start();
    logger.addAppender(appender);
    logger.info("kept");
    assertEquals(1, recent.lines().size());
    assertTrue(recent.lines().getFirst().endsWith("\"event\":\"library.message\"}"));
  }
}
