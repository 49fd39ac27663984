// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The reference page has each event, made from the list in the code, and names stay apart. */
class LogEventTest {
  private static final Path PAGE = Path.of("../docs/logs.md");
  private static final String BEGIN = "| event | meaning |\n|---|---|\n";

  /** If this fails, copy the expected table into the page. */
  @Test
  void theReferenceHasEachEvent() throws Exception {
    String table =
        BEGIN
            + Arrays.stream(LogEvent.values())
                .map(event -> "| `%s` | %s |\n".formatted(event.id(), event.meaning()))
                .collect(Collectors.joining());
    String page = Files.readString(PAGE);
    int start = page.indexOf(BEGIN);
    assertTrue(start >= 0, "the table of events");
    int end = page.indexOf("\n\n", start);
    assertEquals(table, page.substring(start, end < 0 ? page.length() : end + 1));
  }

  @Test
  void eachNameIsASubjectAndAnEventAndIsUsedOnce() {
    for (LogEvent event : LogEvent.values()) {
      assertTrue(event.id().matches("[a-z0-9]+\\.[a-z]+(-[a-z]+)*"), event.id());
    }
    assertEquals(
        LogEvent.values().length,
        Arrays.stream(LogEvent.values()).map(LogEvent::id).distinct().count());
  }
}
