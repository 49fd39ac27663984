// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The reference page has each family, made from the list in the code. */
final class MetricTest {
  private static final Path PAGE = Path.of("../docs/metrics.md");
  private static final String BEGIN = "| name | type | labels | meaning |\n|---|---|---|---|\n";

  private static String row(Metric metric) {
    return "| `%s` | %s | %s | %s |\n"
        .formatted(
            metric.text(),
            metric.type().text(),
            metric.labels().stream().map(l -> "`" + l + "`").collect(Collectors.joining(", ")),
            metric.help());
  }

  /** If this fails, copy the expected table into the page. */
  @Test
  void theReferenceHasEachFamily() throws Exception {
    String table =
        BEGIN + Arrays.stream(Metric.values()).map(MetricTest::row).collect(Collectors.joining());
    String page = Files.readString(PAGE);
    int start = page.indexOf(BEGIN);
    assertTrue(start >= 0, "the table of families");
    int end = page.indexOf("\n\n", start);
    assertEquals(table, page.substring(start, end + 1));
  }

  @Test
  void countersAndInfosHaveTheEndingOfTheirType() {
    for (Metric metric : Metric.values()) {
      assertEquals(
          metric.type() == Metric.Type.COUNTER, metric.text().endsWith("_total"), metric.text());
      assertEquals(
          metric.type() == Metric.Type.INFO, metric.text().endsWith("_info"), metric.text());
    }
  }
}
